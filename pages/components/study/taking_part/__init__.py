"""The participants' page, piece by piece."""
