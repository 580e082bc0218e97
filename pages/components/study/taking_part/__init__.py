"""The participants' page: who comes, what they see, what they do.

``address`` reads who comes, ``visit`` takes the steps and remembers what came of them, the other
modules draw one screen each. Nothing here imports torch, pandas or plotly.
"""
