"""The leads of a dialer: people with names, addresses and comments, as untidy as real files.

A lead is a pure function of seed and number, so none is stored. Each field says for itself whether it was loaded as
UTF-8 or as cp1252, since a dialer prints both as they came.
"""

from dataclasses import dataclass
from hashlib import blake2b


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One lead; texts as meant. ``cp1252`` names the fields that the dialer holds in that encoding."""

    lead_id: int
    list_id: int = 101
    vendor_lead_code: str = ""
    source_id: str = ""
    phone_code: str = "1"
    phone_number: str = ""
    title: str = ""
    first_name: str = ""
    middle_initial: str = ""
    last_name: str = ""
    address1: str = ""
    address2: str = ""
    address3: str = ""
    city: str = ""
    state: str = ""
    province: str = ""
    postal_code: str = ""
    country_code: str = "USA"
    gender: str = "U"
    date_of_birth: str = "0000-00-00"
    alt_phone: str = ""
    email: str = ""
    security_phrase: str = ""
    comments: str = ""
    rank: str = "0"
    owner: str = ""
    entry_day: int = 1
    called_count: int = 1
    called_since_last_reset: str = "N"
    cp1252: frozenset[str] = frozenset()

    def as_loaded(self, name: str) -> bytes:
        """Return the bytes of one field."""
        return str(getattr(self, name)).encode("cp1252" if name in self.cp1252 else "utf-8")


def lead_of(seed: int, lead_id: int) -> Lead:
    """Return lead number ``lead_id`` of the world ``seed``."""
    dice = blake2b(f"{seed} {lead_id}".encode(), digest_size=32).digest()
    values = {name: pool[dice[at] % len(pool)] for at, (name, pool) in enumerate(_POOLS.items())}
    number = int.from_bytes(dice[16:24], "big")
    odd_address, odd_list, odd_bytes = dice[24] * 256 + dice[25], dice[26] * 256 + dice[27], dice[28]
    cp1252 = frozenset(
        name for name in ("last_name", "city", "comments") if odd_bytes < 22 and _differs_in_cp1252(values[name])
    )
    return Lead(
        lead_id=lead_id,
        list_id=999 if odd_list < 3900 else _LISTS[dice[29] % len(_LISTS)],
        vendor_lead_code=f"V{lead_id:07d}" if dice[30] % 2 else f"{lead_id:07d}",
        phone_number=f"0{number % 10**9:09d}" if dice[31] < 15 else str(2 * 10**9 + number % (8 * 10**9)),
        address1=_BROKEN_ADDRESSES[odd_address % 2] if odd_address < 800 else f"{1 + number % 9999} Main St",
        postal_code=f"{number // 7 % 100_000:05d}",
        date_of_birth="0000-00-00" if dice[30] % 3 else f"1980-01-{1 + number % 31:02d}",
        email=f"lead{lead_id}@example.test",
        entry_day=1 + number % 28,
        called_count=1 + number % 9,
        cp1252=cp1252,
        source_id=values["source_id"],
        title=values["title"],
        first_name=values["first_name"],
        middle_initial=values["middle_initial"],
        last_name=values["last_name"],
        address2=values["address2"],
        city=values["city"],
        state=values["state"],
        gender=values["gender"],
        alt_phone=values["alt_phone"],
        security_phrase=values["security_phrase"],
        called_since_last_reset=values["called_since_last_reset"],
        owner=values["owner"],
        comments=values["comments"],
    )


def _differs_in_cp1252(text: str) -> bool:
    """Return whether the text can be loaded as cp1252 and is then invalid UTF-8."""
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeEncodeError:
        return False
    except UnicodeDecodeError:
        return True
    return False


_LISTS = (101, 101, 101, 102, 102, 103, 103, 104, 101, 102, 103, 104, 101, 102, 104, 103, 102, 101, 103, 105)
_BROKEN_ADDRESSES = ('6 High St\nFlat "9", Rear', "12 Ring Rd\nBack door")
_POOLS: dict[str, tuple[str, ...]] = {
    "source_id": ("src0", "src1", "src2", "src12", "", "0007", "NULL", "\\N"),
    "title": ("", "Mr", "Dr", "Mrs", ""),
    "first_name": ("Alice", "Bob", "Søren", "Олег", "李雷", "D'Arcy", "A&B", "Ng", "Zoë 😀", '"Bobby"', "NULL"),
    "middle_initial": ("", "A", "Q"),
    "last_name": ("García", "Ünsal", 'Van "Dutch" Dyke', "Smith", "Doe, Jr.", "Back\\slash", "Иванов", "Peña", "\\N"),
    "address2": ("", "", "", "Apt 4", "c/o <b>Smith</b>"),
    "city": ("São Paulo", "Chicago", "New York", "Zürich", "Kraków"),
    "state": ("IL", "NY", ""),
    "gender": ("M", "F", "U"),
    "alt_phone": ("", "", "", "0555123456"),
    "security_phrase": ("", "", 'secret, "word"'),
    "called_since_last_reset": ("N", "Y", "Y1"),
    "owner": ("", "", "", "house"),
    "comments": (
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "naïve café – “quoted”",
        "line one\nline two",
        "lone\rcr",
        "two\r\nends",
        '=HYPERLINK("http://x.example.test","open")',
        "=cmd|'/C calc'!A0",
        '"',
        "back\\slash \\N",
        "a\ttab in it",
        "literal !N stays",
        "NULL",
        "emoji 👍🏽",
        "+49 (0)30 – niño",
    ),
}
