"""The handwritten digits that scikit-learn carries: 1797 images of 8 by 8 (UCI, Alpaydin and Kaynak 1998)."""

from __future__ import annotations

import torch

from lpc.runtime.data import Splits
from lpc.runtime.failure import BadInput
from lpc.runtime.options import Options


def load_digits(options: Options) -> Splits:
    """Images f32[1, 8, 8] in [0, 1], labels 0 to 9; no test part."""
    try:
        from sklearn import datasets
    except ImportError:
        raise BadInput("digits come with scikit-learn, which is not installed: pip install scikit-learn") from None
    images, labels = datasets.load_digits(return_X_y=True)
    image = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    return Splits((image, torch.tensor(labels)), facts={"source": "digits"})
