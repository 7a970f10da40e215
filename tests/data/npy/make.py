"""Writes the .npy samples of tests/test_npy.c with numpy: python3 make.py, in this folder."""
import numpy as np
from numpy.lib import format as npy

np.save("i2.npy", np.arange(-3, 3, dtype="<i2").reshape(2, 3))
with open("v2.npy", "wb") as f:
    npy.write_array(f, np.ones((3, 2), "<f4"), version=(2, 0))
