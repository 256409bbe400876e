"""The kinds of findings, in the words that stand over those of a kind."""

# Faults.
LISTS = "lists and files that do not fit together"
UNREADABLE = "files that cannot be used"
SIZES = "sizes that do not fit"
IDS = "label ids outside the classes"
DEPTH = "depth that cannot be right"
SHARED = "frames in more than one split"
NUMBERS = "numbers of frames that are not the official ones"

# Remarks.
UNLISTED = "files that no list names"
UNUSED = "classes that are never labelled"
UNLABELLED = "labels that are void all over"
AMBIGUOUS = "another way to read the labels"
OTHER_SIZES = "labels or depth of another size than the images"
HOLES = "how depth files say that nothing was measured"
SATURATED = "depth at the largest value of 16 bits"
REPEATED = "equal images within a split"
GREY = "images without colour"
