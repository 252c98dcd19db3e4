"""What preprocessor_config.json may say."""

import numpy as np
import pytest

from ytcurate.embedders.preparation import Preparation
from ytcurate.errors import EngineUnavailable


def test_a_file_that_says_nothing_is_openais():
    assert Preparation.from_config({}, "m") == Preparation(side_px=224, shorter_px=224)


def test_numbers_as_files_of_2021_have_them():
    old = {"size": 336, "crop_size": 336, "image_mean": [0.5, 0.4, 0.3], "image_std": [1, 2, 3]}
    wanted = Preparation(side_px=336, shorter_px=336, mean=(0.5, 0.4, 0.3), std=(1.0, 2.0, 3.0))
    assert Preparation.from_config(old, "m") == wanted


def test_a_size_of_two_sides_squeezes_the_picture():
    squeezed = Preparation.from_config({"size": {"height": 8, "width": 8}, "crop_size": 8}, "m")
    picture = np.zeros((4, 80, 3), np.uint8)
    picture[:, 40:] = 200
    assert squeezed.prepare(picture).shape == (8, 8, 3)
    assert (squeezed.prepare(picture)[:, [0, -1], 0] == [0, 200]).all()


def test_the_middle_is_cut_out():
    picture = np.zeros((4, 80, 3), np.uint8)
    picture[:, 38:42] = 200
    assert (Preparation(side_px=4, shorter_px=4).prepare(picture) == 200).all()


def test_less_than_is_cut_out_is_refused():
    with pytest.raises(EngineUnavailable, match="size is 20, less than the 24 that are cut out"):
        Preparation.from_config({"size": 20, "crop_size": 24}, "m")
