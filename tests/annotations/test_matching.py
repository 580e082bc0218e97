"""Which classes names in annotations mean."""

import pytest

from xai_core.annotations import Unknown, match_classes
from xai_core.classes import classes_meant
from xai_core.imagenet import imagenet_classes, imagenet_synonyms

NAMES = list(imagenet_classes().values())


def test_every_class_has_its_own_name_among_wordnet_s():
    assert list(imagenet_synonyms()) == list(imagenet_classes())
    own = imagenet_classes()
    others = {i: own[i] for i, same in imagenet_synonyms().items() if own[i] not in same}
    # Of two classes of one name, one has a longer name here.
    assert others == {"n02012849": "crane bird", "n03710721": "maillot tank suit"}


def test_every_class_is_found_by_its_name_and_its_id():
    for index, (wnid, name) in enumerate(imagenet_classes().items()):
        assert classes_meant(name, NAMES) == classes_meant(wnid, NAMES) == [index]


@pytest.mark.parametrize("name", ["tench", "Tinca tinca", "tinca TINCA", "n01440764", " tench "])
@pytest.mark.parametrize("names", [NAMES, ["tench"], ["n01440764"], ["tench, Tinca tinca"]])
def test_names_of_one_class(name, names):
    assert match_classes([name], names).known == {name: 0}


def test_several_names_may_mean_one_class():
    found = match_classes(["tabby", "tabby cat", "n02123045"], NAMES)
    assert found.known == {"tabby": 281, "tabby cat": 281, "n02123045": 281}


def test_what_could_be_several_is_not_guessed():
    # WordNet calls both the cougar and the jaguar a panther.
    found = match_classes(["panther", "panther"], NAMES)
    sentence = "'panther' could be several classes: cougar #286, jaguar #290."
    assert (found.known, found.unknown) == ({}, {"panther": Unknown(2, sentence)})
    assert match_classes(["panther"], ["jaguar", "tiger"]).known == {"panther": 0}


def test_the_class_of_that_very_name_comes_first():
    # "crayfish" is a name of the spiny lobster, too.
    assert classes_meant("crayfish", NAMES) == [NAMES.index("crayfish")]
    assert len(classes_meant("crawfish", NAMES)) == 2


def test_unknown_names_are_counted():
    found = match_classes(["kangaroo", None, "wallaby", "kangaroo", "brush kangaroo"], NAMES)
    assert found.known == {"wallaby": 104, "brush kangaroo": 104}
    assert found.unknown == {"kangaroo": Unknown(2, "The model has no class 'kangaroo'.")}


def test_a_model_of_other_classes_has_no_synonyms():
    found = match_classes(["Tinca tinca", "Dog", "n02084071"], ["dog", "fish"])
    assert found.known == {"Dog": 0}
    assert list(found.unknown) == ["Tinca tinca", "n02084071"]
