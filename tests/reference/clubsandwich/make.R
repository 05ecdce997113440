# Reference numbers of CR2 standard errors and their Satterthwaite degrees of freedom: `Rscript make.R` in this folder.
# Writes one CSV of runs for each case, and results.csv. Packages: clubSandwich (Debian: r-cran-clubsandwich).
# Source: Pustejovsky & Tipton 2018, doi:10.1080/07350015.2016.1247004.
library(clubSandwich)
set.seed(18)

runs_of <- function(levels, seeds) {
  cells <- expand.grid(lapply(levels, seq_len))
  runs <- cells[rep(seq_len(nrow(cells)), each = seeds), , drop = FALSE]
  runs$seed <- rep(seq_len(seeds), nrow(cells))
  runs
}

with_response <- function(runs) {
  spread <- ifelse(runs$a == max(runs$a), 2, 1)  # unequal noise, so that a wrong weight shows
  runs$response <- round(0.5 * runs$a + rnorm(max(runs$seed))[runs$seed] + spread * rnorm(nrow(runs)), 4)
  runs
}

one_at_a_time <- function(levels, seeds) {
  cells <- unique(do.call(rbind, lapply(seq_along(levels), function(i) {
    cell <- matrix(1, levels[[i]], length(levels), dimnames = list(NULL, names(levels)))
    cell[, i] <- seq_len(levels[[i]])
    cell
  })))
  runs <- as.data.frame(cells[rep(seq_len(nrow(cells)), each = seeds), ])
  runs$seed <- rep(seq_len(seeds), nrow(cells))
  runs
}

unplanned <- function(levels, rows, seeds) {
  runs <- as.data.frame(lapply(levels, function(count) sample(count, rows, TRUE)))
  runs$seed <- sample(seeds, rows, TRUE)
  runs
}

with_holes <- function(runs, share) runs[sort(sample(nrow(runs), round((1 - share) * nrow(runs)))), ]

two <- list(a = 2, b = 2, c = 2)
three <- list(a = 3, b = 2)
cases <- list(
  balanced = list(runs = runs_of(two, 8), formula = ~ a + b + c),
  three_clusters = list(runs = with_holes(runs_of(two, 3), 0.2), formula = ~ a + b + c),
  four_clusters = list(runs = with_holes(runs_of(three, 4), 0.15), formula = ~ a + b),
  six_clusters = list(runs = with_holes(runs_of(three, 6), 0.3), formula = ~ a + b),
  pairs_with_holes = list(runs = with_holes(runs_of(three, 8), 0.2), formula = ~ a * b),
  one_at_a_time = list(runs = one_at_a_time(list(a = 3, b = 2, c = 2), 7), formula = ~ a + b + c),
  one_at_a_time_with_holes = list(
    runs = with_holes(one_at_a_time(list(a = 3, b = 2, c = 2), 9), 0.2), formula = ~ a + b + c
  ),
  unplanned = list(runs = unplanned(list(a = 3, b = 2, c = 2, d = 2), 60, 20), formula = ~ a + b + c + d),
  independent = list(runs = unplanned(list(a = 3, b = 2, c = 2), 40, 40), formula = ~ a + b + c, each = TRUE),
  independent_small = list(runs = unplanned(list(a = 2, b = 2), 9, 9), formula = ~ a + b, each = TRUE)
)

results <- do.call(rbind, lapply(names(cases), function(name) {
  case <- cases[[name]]
  runs <- with_response(case$runs)
  is_independent <- isTRUE(case$each)
  if (is_independent) runs$seed <- seq_len(nrow(runs))  # each run is a cluster: CR2 is HC2
  write.csv(runs, paste0(name, ".csv"), row.names = FALSE, quote = FALSE)
  data <- runs
  factors <- setdiff(names(runs), c("seed", "response"))
  data[factors] <- lapply(data[factors], function(level) C(factor(level), contr.sum))
  data$seed <- factor(data$seed)
  formula <- if (is_independent) update(case$formula, response ~ .) else update(case$formula, response ~ seed + .)
  fit <- lm(formula, data = data)
  table <- coef_test(fit, vcov = "CR2", cluster = data$seed, test = "Satterthwaite")
  interval <- conf_int(fit, vcov = "CR2", cluster = data$seed, level = 0.95)
  is_effect <- !grepl("Intercept|^seed", table$Coef)
  # Level 2 minus level 1 of factor a, which has two weights on sum contrasts.
  weights <- setNames(numeric(length(coef(fit))), names(coef(fit)))
  weights[["a1"]] <- -1
  if ("a2" %in% names(weights)) weights[["a2"]] <- 1 else weights[["a1"]] <- -2
  difference <- linear_contrast(fit, vcov = "CR2", cluster = data$seed, contrasts = matrix(weights, 1), level = 0.95)
  rbind(
    data.frame(
      case = name, contrast = table$Coef, estimate = table$beta, error = table$SE, freedom = table$df_Satt,
      low = interval$CI_L, high = interval$CI_U
    )[is_effect, ],
    data.frame(
      case = name, contrast = "a: 2 - 1", estimate = difference$Est, error = difference$SE, freedom = difference$df,
      low = difference$CI_L, high = difference$CI_U
    )
  )
}))
numbers <- sapply(results, is.numeric)
results[numbers] <- lapply(results[numbers], function(x) format(x, digits = 12, trim = TRUE))
write.csv(results, "results.csv", row.names = FALSE, quote = FALSE)
cat(R.version.string, "\nclubSandwich", as.character(packageVersion("clubSandwich")), "\n")
