"""The functions behind `import ablate`: what the commands do, with Python's types in and pandas tables out."""
