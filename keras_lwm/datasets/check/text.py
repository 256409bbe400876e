"""A report as text for a terminal."""

import collections

from keras_lwm.datasets.check.reading import as_options
from keras_lwm.datasets.check.report import Finding, Report

_BAR = 30
_REMARKS_OF_A_KIND = 5


def report_text(report: Report) -> str:
    """Statistics, then all faults, then a few remarks of each kind, and the verdict last."""
    sections = [
        _head(report),
        _classes(report.statistics["classes"]),
        _findings("Remarks", report.remarks, report.where, _REMARKS_OF_A_KIND),
        _findings("Faults", report.faults, report.where, None),
        _verdict(report),
    ]
    return "\n\n".join(section for section in sections if section)


def _head(report):
    numbers = report.statistics
    frames, sizes = numbers["frames"], numbers["image_sizes"]
    splits = ", ".join(f"{split} {number}" for split, number in frames.items())
    return "\n".join(
        [
            report.title,
            *([_reading(report.reading)] if report.reading is not None else []),
            "",
            f"frames       {sum(frames.values())}{': ' if frames else ''}{splits}",
            f"image sizes  {_sizes(sizes)}",
            f"depth        {_depth(numbers['depth'])}",
            f"void         {numbers['void_share']:.1%} of the labels' pixels",
        ]
    )


def _reading(reading):
    names = ["first_id", "void_ids"]
    metres = ""
    if reading.depth_unit is not None:
        names.insert(0, "depth_unit")
    elif "depth_unit" in reading.inferred:
        metres = ", depth in metres"
    inferred = [name for name in names if name in reading.inferred]
    origin = "as given"
    if inferred:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in inferred)
        origin = ("" if inferred == names else f"{flags} ") + "inferred; pass them to say otherwise"
    return f"Read as: {as_options(reading, names)}{metres} ({origin})"


def _sizes(sizes, shown=8):
    parts = [
        f"{size['height']}x{size['width']}"
        + (f" ({size['frames']} frames)" if len(sizes) > 1 else "")
        for size in sorted(sizes, key=lambda size: -size["frames"])[:shown]
    ]
    more = [f"{len(sizes) - shown} others"] if len(sizes) > shown else []
    return ", ".join(parts + more) + " (height x width)" if parts else "none was read"


def _depth(depth):
    without = f"{depth['frames_without']} frames have none"
    if "median_m" not in depth:
        return without
    return (
        f"{depth['min_m']:.2f} to {depth['max_m']:.2f} m, median {depth['median_m']:.2f} m, "
        f"95 % below {depth['percentile_95_m']:.2f} m; not measured: "
        f"{depth['unmeasured_share']:.1%} of the pixels; {without}"
    )


def _classes(classes):
    if not classes:
        return ""
    width = max(len("class"), *(len(row["name"]) for row in classes))
    largest = max(*(row["share"] for row in classes), 1e-9) if len(classes) > 1 else 1
    lines = [f" id  {'class':{width}}  labelled pixels   frames"]
    for row in classes:
        bar = "#" * round(_BAR * row["share"] / largest)
        numbers = f"{row['share']:15.2%}  {row['frames']:7d}"
        lines.append(f"{row['id']:3d}  {row['name']:{width}}  {numbers}  {bar}")
    return "\n".join(line.rstrip() for line in lines)


def _findings(title, findings: list[Finding], where: str, limit: int | None):
    kinds = collections.defaultdict(list)
    for finding in findings:
        kinds[finding.kind].append(finding)
    lines = [f"{title}: {len(findings)}"] if findings else []
    for kind, of_kind in kinds.items():
        lines.append(f"  {kind} ({len(of_kind)})")
        shown = of_kind if limit is None or len(of_kind) <= limit + 1 else of_kind[:limit]
        # The folder is in the first line; names of files within it are easier to read.
        lines += [f"    {finding.says.replace(f'{where}/', '')}" for finding in shown]
        if len(shown) < len(of_kind):
            lines.append(f"    and {len(of_kind) - len(shown)} more of this kind.")
    return "\n".join(lines)


def _verdict(report):
    if report.clean:
        return f"Clean: found no fault in {sum(report.statistics['frames'].values())} frames."
    faults = "1 fault" if len(report.faults) == 1 else f"{len(report.faults)} faults"
    files = len({finding.file for finding in report.faults})
    if report.reading is None:
        return f"Found {faults}."
    return f"Found {faults} in {files} file{'s' if files > 1 else ''}."
