"""Names as LVM, device-mapper and LifeKeeper allow them, checked once at the edge.

Rules for VG and LV names: lvm(8), "Valid names"; mangling of device-mapper names: a hyphen inside a name is doubled,
a single hyphen separates VG, LV and layer (libdm, dm_build_dm_name). Tags: LifeKeeper's tag rules.
"""

from __future__ import annotations

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+_.-")
_UNIT_CHARACTERS = _NAME_CHARACTERS - frozenset("+-") | {":"}
_TAG_FORBIDDEN = frozenset("+;:!@#$*= ")
_RESERVED_STARTS = ("snapshot", "pvmove")
_RESERVED_PARTS = (
    "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare", "_rimage",
    "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin", "_wcorig",
)  # fmt: skip
_NO_PARTS = frozenset(("", ".", ".."))
_LONGEST_NAME = 127
_LONGEST_DM_NAME = 127
_LONGEST_TAG = 256
_LONGEST_SERVER_NAME = 253
_SERVER_NAME_CHARACTERS = _NAME_CHARACTERS - {"+"}
_UUID_GROUPS = (6, 4, 4, 4, 4, 4, 6)

DM_PREFIX = "LVM-"
"""of the device-mapper UUIDs that LVM gives"""

DRBD_VOLUMES = "/dev/drbd/by-res/"
"""udev's names RESOURCE/VOLUME below it: the only ones of DRBD that are the same on all servers (65-drbd.rules)"""


def is_vg_name(name: str) -> bool:
    """Whether LVM would accept this as the name of a volume group."""
    return (
        0 < len(name) <= _LONGEST_NAME and name[0] != "-" and name not in (".", "..") and set(name) <= _NAME_CHARACTERS
    )


def is_component(word: str) -> bool:
    """Whether an application, a resource type or a script can have this name, which becomes part of a path.

    LVM's rule fits: letters, digits and '+_.-', and neither an option nor a way out of the folder.
    """
    return is_vg_name(word)


def is_lv_name(name: str) -> bool:
    """Whether LVM would accept this as the name of a visible logical volume."""
    if not is_vg_name(name) or name.startswith(_RESERVED_STARTS):
        return False
    return not any(part in name for part in _RESERVED_PARTS)


def is_tag(tag: str) -> bool:
    """Whether this can be a resource tag; LifeKeeper's rules, and no '..' as a path component."""
    return (
        0 < len(tag) <= _LONGEST_TAG
        and tag[0] not in ".-"
        and tag.isprintable()
        and not set(tag) & _TAG_FORBIDDEN
        and ".." not in tag.split("/")
    )


def is_server_name(word: str) -> bool:
    """Whether this can be a server's name: hostname(7), and '_', which uname -n may have.

    So it is no option, names no user (USER@HOST) and holds nothing that means something to a shell.
    """
    return 0 < len(word) <= _LONGEST_SERVER_NAME and set(word) <= _SERVER_NAME_CHARACTERS and word[0] not in ".-"


def is_lvm_uuid(text: str) -> bool:
    """Whether this is an LVM UUID in its printed form, 6-4-4-4-4-4-6."""
    groups = text.split("-")
    return tuple(map(len, groups)) == _UUID_GROUPS and all(map(str.isalnum, groups)) and text.isascii()


def is_path(path: str) -> bool:
    """Whether this is an absolute path as mount tables have it: no empty part, no '.', no '..', nothing unprintable."""
    if path == "/":
        return True
    before, *parts = path.split("/")
    return before == "" and bool(parts) and path.isprintable() and _NO_PARTS.isdisjoint(parts)


def automount_unit(path: str) -> str:
    """The name of systemd's automount unit for a mount point (systemd.unit(5), "String Escaping")."""
    plain = path.strip("/") or "/"
    name = ""
    for place, byte in enumerate(plain.encode("utf-8", "surrogateescape")):
        character = chr(byte)
        is_kept = character in _UNIT_CHARACTERS and not (character == "." and place == 0)
        name += "-" if character == "/" else character if is_kept else f"\\x{byte:02x}"
    return f"{name}.automount"


def is_filesystem_type(text: str) -> bool:
    """Whether this could be the name of a file system, as mount(8) takes it after -t."""
    return text[:1].isalnum() and set(text) <= _NAME_CHARACTERS


def is_filesystem_uuid(text: str) -> bool:
    """Whether this could be the UUID of a file system, or its serial number, as blkid(8) prints it."""
    return bool(text) and text.isascii() and text.replace("-", "").isalnum()


def is_mount_options(text: str) -> bool:
    """Whether this could be a list of mount options, as mount(8) takes it after -o."""
    return text[:1] not in ("", "-", ",") and text.isprintable() and " " not in text


def tag_from(name: str) -> str:
    """A valid tag close to a name or path: each character that a tag may not hold becomes '_'."""
    tag = ""
    for character in name[:_LONGEST_TAG]:
        is_allowed = character.isprintable() and character not in _TAG_FORBIDDEN
        tag += character if is_allowed else "_"
    return "_" + tag[1:] if tag[:1] in (".", "-") else tag


def mangle(name: str) -> str:
    """A VG or LV name as part of a device-mapper name."""
    return name.replace("-", "--")


def dm_name(vg: str, lv: str) -> str:
    """The device-mapper name of an LV: dm_name("my-vg", "data") is "my--vg-data"."""
    return f"{mangle(vg)}-{mangle(lv)}"


def fits_device_mapper(vg: str, lv: str) -> bool:
    """Whether the mangled name still fits the kernel's 128-byte field."""
    return len(dm_name(vg, lv)) <= _LONGEST_DM_NAME


def split_dm_name(name: str) -> tuple[str, str, str] | None:
    """(VG, LV, layer) of a device-mapper name; None where it has no separator. layer is '' for the LV itself."""
    parts: list[str] = [""]
    position = 0
    while position < len(name):
        if name[position] != "-":
            parts[-1] += name[position]
        elif name[position : position + 2] == "--":
            parts[-1] += "-"
            position += 1
        else:
            parts.append("")
        position += 1
    if len(parts) < 2:
        return None
    return parts[0], parts[1], "-".join(parts[2:])


def dm_uuid(vg_uuid: str, lv_uuid: str = "") -> str:
    """The device-mapper UUID that LVM gives an LV; without an LV, the prefix that all of a VG's devices share."""
    return DM_PREFIX + vg_uuid.replace("-", "") + lv_uuid.replace("-", "")


def group_part(uuid: str) -> str:
    """What dm_uuid() gives for the volume group of a device with this device-mapper UUID."""
    return uuid[: len(DM_PREFIX) + sum(_UUID_GROUPS)]


def lvm_uuid(packed: str) -> str:
    """The printed form, 6-4-4-4-4-4-6, of a 32-character UUID."""
    groups, start = [], 0
    for size in _UUID_GROUPS:
        groups.append(packed[start : start + size])
        start += size
    return "-".join(groups)


def lvmvg_id(vg: str) -> str:
    """The lvmvg ID of a volume group: lvmvg-<vg>."""
    return f"lvmvg-{vg}"


def vg_of_lvmvg_id(resource_id: str) -> str | None:
    """The volume group of a lvmvg ID; None when the ID is not one."""
    vg = resource_id[len("lvmvg-") :]
    return vg if resource_id.startswith("lvmvg-") and is_vg_name(vg) else None


def lvmlv_id(vg: str, lv: str) -> str:
    """The lvmlv ID of a logical volume: /dev/<vg>/<lv>."""
    return f"/dev/{vg}/{lv}"


def vg_lv_of_lvmlv_id(resource_id: str) -> tuple[str, str] | None:
    """(VG, LV) of a lvmlv ID; None when the ID is not one."""
    parts = resource_id.split("/")
    if len(parts) != 4 or parts[:2] != ["", "dev"] or not is_vg_name(parts[2]) or not is_lv_name(parts[3]):
        return None
    return parts[2], parts[3]
