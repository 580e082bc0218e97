"""Which class a word means, and what people read of classes of one name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models._meta import _IMAGENET_CATEGORIES as IMAGENET

from xai_core.classes import (
    class_index,
    class_named,
    class_text,
    class_titles,
    class_word,
    folder_classes,
    names_in,
)
from xai_core.errors import ModelError, UnknownClassError
from xai_core.imagenet import imagenet_classes

NUMBERS = ["1", "10", "2", "3"]  # in the order in which folders are sorted
CAFE = unicodedata.normalize("NFC", "café")


@given(st.lists(st.one_of(st.sampled_from(["0", "1-0", "#1", "a", "A", " a", "0-a"]), st.text())))
def test_what_is_written_into_links_and_commands_is_read_as_the_same_class(names):
    for index in range(len(names)):
        assert class_index(class_word(index, names), names) == index


@pytest.mark.parametrize(
    ("word", "index"),
    [
        ("474-cardigan", 474),
        ("264-Cardigan", 264),
        ("#474", 474),
        ("474", 474),
        ("#474-cardigan", 474),
        ("cardigan", 474),
        ("Cardigan", 264),
        ("cardigan (garment) #474", 474),
        ("Cardigan (dog) #264", 264),
        (" TABBY ", 281),
        ("281-tabby", 281),
        ("207-golden retriever", 207),
    ],
)
def test_in_every_imagenet_model(word, index):
    assert class_index(word, IMAGENET) == index


def test_imagenet_s_classes_of_one_name_are_told_apart():
    titles = class_titles(IMAGENET)
    changed = {i: title for i, title in enumerate(titles) if title != IMAGENET[i]}
    assert changed == {264: "Cardigan (dog) #264", 474: "cardigan (garment) #474"}
    assert len(set(titles)) == 1000
    # The list that Keras and others use has three names twice.
    other = [*IMAGENET]
    other[134] = other[517] = "crane"
    other[638] = other[639] = "maillot"
    titles = class_titles(other)
    assert (titles[134], titles[517]) == ("crane (bird) #134", "crane (machine) #517")
    assert (titles[638], titles[639]) == ("maillot (tights) #638", "maillot (swimsuit) #639")


@pytest.mark.parametrize(
    ("word", "names", "listed"),
    [
        ("CARDIGAN", IMAGENET, "Cardigan (dog) #264, cardigan (garment) #474"),
        ("crane", ["crane", "dog", "crane"], "crane #0, crane #2"),
        ("Crane", ["crane", "dog", "crane"], "crane #0, crane #2"),
        ("1", NUMBERS, "1 #0, 10 #1"),
        ("#1", ["#1", "x"], "#1 #0, x #1"),
    ],
)
def test_what_could_be_several_is_refused_with_a_list(word, names, listed):
    with pytest.raises(ModelError) as caught:
        class_index(word, names)
    assert not isinstance(caught.value, UnknownClassError)
    assert f"'{word}' could be several classes: {listed}. Say which" in str(caught.value)


def test_a_long_list_is_cut():
    with pytest.raises(ModelError, match=r"x #7 and 92 more\."):
        class_index("x", ["x"] * 100)


@pytest.mark.parametrize("name", ["crane", "Crane"])
def test_a_name_as_it_stands_comes_before_the_same_in_other_case(name):
    assert class_index(name, ["crane", "Crane"]) == ["crane", "Crane"].index(name)


def test_a_number_that_is_also_its_own_class_s_name_is_no_question():
    assert class_index("2", NUMBERS) == 2
    assert class_index("3", NUMBERS) == 3


def test_in_other_case_one_class_will_do():
    assert class_index("Crane", ["dog", "crane"]) == 1


@pytest.mark.parametrize("word", ["²", "٣", "-1", "3", "9" * 5000, "", "#", "#3", "bird", "0-dog"])
def test_what_is_no_class_is_refused_in_a_sentence(word):
    with pytest.raises(UnknownClassError, match="The model has no class "):
        class_index(word, ["cat", "dog", "owl"])


def test_a_word_of_another_model_tells_what_the_number_is_here():
    with pytest.raises(UnknownClassError, match=r"no class '2-tench': number 2 is 'owl'\."):
        class_index("2-tench", ["cat", "dog", "owl"])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_that_look_the_same_are_the_same(form):
    for names in (["tea", CAFE], ["tea", unicodedata.normalize("NFD", CAFE)], ["tea", f"{CAFE} "]):
        for word in (CAFE, CAFE.upper(), f"1-{CAFE}"):
            assert class_index(unicodedata.normalize(form, word), names) == 1
        assert [*folder_classes([unicodedata.normalize(form, CAFE)], names).known.values()] == [1]


def test_a_name_that_is_there_once_is_its_own_text_else_the_title_is():
    assert class_text(474, IMAGENET) == "cardigan"
    names = ["crane", "dog", "crane"]
    assert [class_text(index, names) for index in range(3)] == ["crane #0", "dog", "crane #2"]
    assert [class_named(class_text(index, names), names) for index in range(3)] == [0, 1, 2]


def test_folders_are_matched_by_name_and_by_number_where_that_is_no_name():
    given = ["cardigan", "Tabby", "5", "7-cock"]
    expected = {"cardigan": 474, "Tabby": 281, "5": 5, "7-cock": 7}
    assert folder_classes(given, IMAGENET).known == expected
    assert folder_classes(given, IMAGENET, numbered=False).unknown == ["5", "7-cock"]
    found = folder_classes(["1", "10", "2", "3", "0"], NUMBERS)
    assert found.known == {"1": 0, "10": 1, "2": 2, "3": 3}
    assert found.unknown == ["0"], "not the class number 0, which is called 1"


def test_a_folder_whose_class_could_only_be_guessed_is_named():
    found = folder_classes(["CARDIGAN", "unicorn"], IMAGENET)
    assert (found.known, found.unknown) == ({}, ["unicorn"])
    assert found.problems == [
        "'CARDIGAN' could be several classes: Cardigan (dog) #264, cardigan (garment) #474. "
        "Say which by number and name, as in '264-Cardigan'."
    ]
    found = folder_classes(["Owl", "owl", "cat"], ["cat", "owl"])
    assert found.known == {"cat": 0}
    assert found.problems == [
        "Several folders could be the class owl #1: 'Owl', 'owl'. Rename or merge them."
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_file_of_names(ends):
    text = f"\ufeff red fox {ends}{ends}owl\t{ends}  {ends}"
    assert names_in(text) == ["red fox", "owl"]
    assert names_in(ends.join(["a", "b"])) == ["a", "b"]
    assert names_in("line\u2028separator") == ["line\u2028separator"]


def test_wordnet_ids_of_imagenet_mean_the_classes_with_its_names():
    names = list(imagenet_classes().values())
    assert len(set(names)) == len(names) == 1000
    # ILSVRC's own list: 281 is n02123045, 134 and 517 are the two cranes.
    assert class_index("n02123045", names) == names.index("tabby") == 281
    assert (class_index("n02012849", names), class_index("n03126707", names)) == (134, 517)
    assert class_named("n02123045", ["lynx", "tabby"]) == 1
    assert folder_classes(["n02123045"], names).known == {"n02123045": 281}
    with pytest.raises(UnknownClassError):
        class_index("n02123045", ["lynx", "tiger cat"])
    assert class_index("n02123045", ["tabby", "n02123045"]) == 1
