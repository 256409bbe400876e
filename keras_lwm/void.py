"""The one label id that means "nobody said what this pixel shows"."""

VOID = 255
