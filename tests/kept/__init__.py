"""Copies of what earlier versions of the product left in storage, which later ones must go on with."""
