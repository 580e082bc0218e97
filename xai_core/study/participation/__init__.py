"""The participants' side: who may come in, the plan of their trials, and every step they take."""
