from bookshop.labels import LABEL_WIDTH, Parcel, address_lines, fit, render_label, weight_line

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "line2": "Second floor",
    "postcode": "sw1y 4jh",
    "city": "London",
    "country": "GB",
}


def test_an_address_is_printed_line_by_line():
    assert address_lines(ADDRESS) == [
        "Ada Lovelace",
        "12 St James's Square",
        "Second floor",
        "London SW1Y 4JH",
        "UNITED KINGDOM",
    ]


def test_an_empty_second_line_is_left_out():
    assert len(address_lines({**ADDRESS, "line2": "  "})) == 4


def test_the_postcode_comes_first_in_germany():
    lines = address_lines({**ADDRESS, "postcode": "10117", "city": "Berlin", "country": "DE"})
    assert lines[-2:] == ["10117 Berlin", "GERMANY"]


def test_the_weight_is_rounded_up():
    assert weight_line(330) == "0.4 kg"
    assert weight_line(1200) == "1.2 kg"


def test_a_long_line_is_cut_to_the_width_of_the_printer():
    assert len(fit("The Worshipful Company of Stationers and Newspaper Makers")) <= LABEL_WIDTH


def test_a_label_ends_with_reference_and_weight():
    label = render_label(Parcel(reference="BS-1001", weight_in_grams=720, address=ADDRESS))
    assert label.endswith("BS-1001  0.8 kg\n")
