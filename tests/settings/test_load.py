from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from fsictl.errors import SettingsError
from fsictl.settings.load import Given, as_toml, keys, load_settings
from fsictl.settings.schema import PriceSettings, Settings


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "fsictl.toml"
    file.write_text("[prices]\nhz = 2\nseed = 2\nbatch = 2\n")
    environment = {"FSICTL_PRICES_HZ": "3", "FSICTL_PRICES_SEED": "3", "UNRELATED": "x"}
    loaded = load_settings(file, environment, {"prices.hz": Given(4, "--hz")})
    prices = loaded.settings.prices
    assert (prices.hz, prices.seed, prices.batch, prices.linger) == (4.0, 3, 2, 0.01)
    origins = {name: loaded.origins[f"prices.{name}"] for name in ("hz", "seed", "batch", "linger")}
    assert origins == {"hz": "--hz", "seed": "FSICTL_PRICES_SEED", "batch": "fsictl.toml", "linger": "default"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[prices]\nhz = -1", "prices.hz is -1 (from fsictl.toml), but must be at least 0.01"),
        ("[prices]\nhz = nan", "finite"),
        ("[prices]\nhz = true", "a number"),
        ("[prices]\nseed = 1.5", "a whole number"),
        ("[prices]\nsymbols = []", "at least one"),
        ("[prices]\nsymbols = 3", "a list of texts"),
        ("[dashboard]\nport = 70000", "at most 65535"),
        ("target = 'mars'", "one of local"),
        ("[metrics]\nwindow = 20\nrsi_window = 30", "longer than metrics.window"),
        ("[prices]\nhs = 3", "not a setting"),
        ("prices = 3", "not a setting"),
        ("this is not toml", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "fsictl.toml"
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_misspelt_key_is_met_with_the_right_one(tmp_path: Path) -> None:
    file = tmp_path / "fsictl.toml"
    file.write_text("[metrics]\nrsi_windows = 30\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {})
    assert "metrics.rsi_window" in caught.value.hint


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml", {}).settings == Settings()


def test_the_written_file_reads_back_as_what_it_was_written_from(tmp_path: Path) -> None:
    file = tmp_path / "fsictl.toml"
    changed = Settings(prices=PriceSettings(symbols=("EURUSD", "USDJPY"), hz=2.5))
    changed = dataclasses.replace(changed, metrics=dataclasses.replace(changed.metrics, rsi_window=60))
    file.write_text(as_toml(changed))
    assert load_settings(file, {}).settings == changed
    uncommented = "\n".join(
        line[2:] if line.startswith("# ") and " = " in line else line for line in as_toml().splitlines()
    )
    file.write_text(uncommented)
    assert load_settings(file, {}).settings == Settings()


def test_every_default_keeps_to_its_own_limits() -> None:
    for key in keys():
        if isinstance(key.default, int | float):
            assert key.least is None or key.default >= key.least
            assert key.most is None or key.default <= key.most
