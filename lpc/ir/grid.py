"""What a kilowatt-hour of a country's electricity stands for, in grams of CO₂ equivalent: a table of one year, never fetched.

Ember, Yearly Electricity Data (CC BY 4.0): emissions over the whole life cycle, of what is generated in the country, imports
left out; as republished in co2.js 0.19 (Green Web Foundation, `data/output/average-intensities.json` of 3 August 2025), and
rounded to grams. A yearly mean hides hours and regions that differ tenfold: who knows better writes `intensity`.
"""

from __future__ import annotations

from collections.abc import Mapping

YEAR = 2024
SOURCE = "Ember, Yearly Electricity Data"

INTENSITIES: Mapping[str, int] = {
    "AT": 103,
    "AU": 554,
    "BE": 118,
    "BR": 106,
    "CA": 185,
    "CH": 37,
    "CL": 266,
    "CN": 558,
    "CZ": 414,
    "DE": 342,
    "DK": 143,
    "EE": 341,
    "ES": 146,
    "FI": 72,
    "FR": 44,
    "GB": 216,
    "GR": 320,
    "HU": 183,
    "IE": 280,
    "IN": 709,
    "IT": 288,
    "JP": 484,
    "KR": 416,
    "MX": 483,
    "NL": 253,
    "NO": 31,
    "NZ": 120,
    "PL": 615,
    "PT": 112,
    "RO": 246,
    "SE": 36,
    "SG": 499,
    "TR": 470,
    "TW": 635,
    "US": 384,
    "ZA": 714,
}
"""Grams a kilowatt-hour, by ISO 3166 code. Countries whose figure of that year is not there are left out."""

COUNTRIES: Mapping[str, tuple[str, str]] = {
    "AT": ("AUT", "Austria"),
    "AU": ("AUS", "Australia"),
    "BE": ("BEL", "Belgium"),
    "BR": ("BRA", "Brazil"),
    "CA": ("CAN", "Canada"),
    "CH": ("CHE", "Switzerland"),
    "CL": ("CHL", "Chile"),
    "CN": ("CHN", "China"),
    "CZ": ("CZE", "Czechia"),
    "DE": ("DEU", "Germany"),
    "DK": ("DNK", "Denmark"),
    "EE": ("EST", "Estonia"),
    "ES": ("ESP", "Spain"),
    "FI": ("FIN", "Finland"),
    "FR": ("FRA", "France"),
    "GB": ("GBR", "United Kingdom"),
    "GR": ("GRC", "Greece"),
    "HU": ("HUN", "Hungary"),
    "IE": ("IRL", "Ireland"),
    "IN": ("IND", "India"),
    "IT": ("ITA", "Italy"),
    "JP": ("JPN", "Japan"),
    "KR": ("KOR", "South Korea"),
    "MX": ("MEX", "Mexico"),
    "NL": ("NLD", "Netherlands"),
    "NO": ("NOR", "Norway"),
    "NZ": ("NZL", "New Zealand"),
    "PL": ("POL", "Poland"),
    "PT": ("PRT", "Portugal"),
    "RO": ("ROU", "Romania"),
    "SE": ("SWE", "Sweden"),
    "SG": ("SGP", "Singapore"),
    "TR": ("TUR", "Turkey"),
    "TW": ("TWN", "Taiwan"),
    "US": ("USA", "United States"),
    "ZA": ("ZAF", "South Africa"),
}
"""Three-letter ISO 3166 code and name of each, as other tools write them."""


def source_of(country: str) -> str:
    """What a result says of an intensity out of the table."""
    return f"{country} in {YEAR}: {SOURCE}"


def country_of(source: str) -> tuple[str, str] | None:
    """Three-letter code and name of the country that `source_of` told, of this year's table or another's."""
    country, told, _ = source.partition(" in ")
    return COUNTRIES.get(country) if told else None
