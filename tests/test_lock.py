import os

import pytest

from ablate.core.errors import AblateError
from ablate.execution.lock import held


def test_a_second_holder_is_refused_and_told_who_holds_it(tmp_path):
    lock = tmp_path / "driver.lock"
    with held(lock), pytest.raises(AblateError, match=f"process {os.getpid()}"), held(lock):
        pass


def test_the_lock_is_free_again_after_the_block(tmp_path):
    for _ in range(2):
        with held(tmp_path / "driver.lock"):
            pass
    assert (tmp_path / "driver.lock").parent.exists()
