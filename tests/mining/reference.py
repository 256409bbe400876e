"""METHOD's formulas again, in NumPy and plain loops: slow, obvious, and independent."""

import numpy as np

EPS = 1e-6


def measured(depth):
    return np.isfinite(depth) & (np.nan_to_num(depth) > 0)


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def pixels(shape):
    return [(row, column) for row in range(shape[0]) for column in range(shape[1])]


def labels_at(labels, size):
    """(H, W) to `size`: the pixel under each cell's centre."""
    result = np.zeros(size, labels.dtype)
    for row, column in pixels(size):
        source_row = int((row + 0.5) * labels.shape[0] / size[0])
        source_column = int((column + 0.5) * labels.shape[1] / size[1])
        result[row, column] = labels[source_row, source_column]
    return result


def depth_at(depth, size):
    """(H, W) to `size`: the mean of the measured pixels whose centres lie in each cell."""
    result = np.zeros(size)
    for row, column in pixels(size):
        inside = []
        for i, j in pixels(depth.shape):
            in_row = row <= (i + 0.5) * size[0] / depth.shape[0] < row + 1
            in_column = column <= (j + 0.5) * size[1] / depth.shape[1] < column + 1
            if in_row and in_column and measured(depth[i, j]):
                inside.append(depth[i, j])
        result[row, column] = mean(inside)
    return result


def bilinear_at(image, size):
    result = np.zeros(size)
    for row, column in pixels(size):
        y = np.clip((row + 0.5) * image.shape[0] / size[0] - 0.5, 0, image.shape[0] - 1)
        x = np.clip((column + 0.5) * image.shape[1] / size[1] - 0.5, 0, image.shape[1] - 1)
        top, left = int(y), int(x)
        bottom, right = min(top + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
        dy, dx = y - top, x - left
        result[row, column] = (1 - dy) * ((1 - dx) * image[top, left] + dx * image[top, right])
        result[row, column] += dy * ((1 - dx) * image[bottom, left] + dx * image[bottom, right])
    return result


def segmentation_error(logits, labels):
    error = np.zeros(labels.shape)
    for at in pixels(labels.shape):
        if labels[at] != 255:
            exponentials = np.exp(logits[at] - logits[at].max())
            error[at] = 1 - exponentials[labels[at]] / exponentials.sum()
    return error


def depth_prediction_error(depth_pred, depth, valid):
    known = measured(depth)
    ratio = np.zeros(depth.shape)
    for at in pixels(depth.shape):
        if known[at]:
            ratio[at] = abs(np.log(depth_pred[at]) - np.log(depth[at]))
    average = mean(ratio[at] for at in pixels(depth.shape) if known[at] and valid[at])
    error = ratio / (ratio + average + EPS)
    neutral = mean(error[at] for at in pixels(depth.shape) if known[at] and valid[at])
    return np.where(known, error, neutral)


def windowed_error(error, depth, valid, window, dilation, tau):
    """DSE by window; `depth=None` gathers from all valid pixels alike."""
    height, width = error.shape
    known = np.ones(error.shape, bool) if depth is None else measured(depth)
    result = error.copy()
    reach = window // 2
    for i, j in pixels(error.shape):
        if not known[i, j]:
            continue
        top = bottom = 0.0
        for di in range(-reach, reach + 1):
            for dj in range(-reach, reach + 1):
                k, m = i + di * dilation, j + dj * dilation
                if not (0 <= k < height and 0 <= m < width and valid[k, m] and known[k, m]):
                    continue
                difference = 0.0 if depth is None else abs(np.log(depth[i, j] / depth[k, m]))
                affinity = np.exp(-difference / tau)
                top += affinity * error[k, m]
                bottom += affinity
        if bottom > 0:
            result[i, j] = top / bottom
    return result


class BinnedError:
    def __init__(self, num_classes, bins, depth_range, momentum):
        self.table = {}
        self.num_classes, self.bins = num_classes, bins
        self.depth_range, self.momentum = depth_range, momentum

    def bin_of(self, depth):
        near, far = self.depth_range
        edges = np.geomspace(near, far, self.bins + 1)[1:-1]
        return sum(depth >= edge for edge in edges)

    def update(self, errors, labels, depths):
        cells = {}
        for error, label, depth in zip(errors, labels, depths, strict=True):
            for at in pixels(label.shape):
                if label[at] != 255 and measured(depth[at]):
                    cell = (label[at], self.bin_of(depth[at]))
                    cells.setdefault(cell, []).append(error[at])
        for cell, found in cells.items():
            old = self.table.get(cell, mean(found))
            self.table[cell] = self.momentum * old + (1 - self.momentum) * mean(found)

    def look_up(self, labels, depth):
        result = np.zeros(labels.shape)
        overall = mean(self.table.values())
        for at in pixels(labels.shape):
            of_class = [value for (label, _), value in self.table.items() if label == labels[at]]
            if measured(depth[at]):
                cell = (labels[at], self.bin_of(depth[at]))
                result[at] = self.table.get(cell, overall)
            else:
                result[at] = mean(of_class) if of_class else overall
        return result


def normalised(weight, valid):
    average = mean(weight[valid])
    return np.where(valid, weight / average, 0.0) if average else np.zeros(weight.shape)


def beside_average(values, valid):
    average = mean(values[valid])
    return values / average if average > 0 else np.ones(values.shape)


def hardness_weight(hardness, valid, exponent, floor=0.1, ceiling=4.0):
    """`exponent` is c * strength; `hardness` is 1 for an average pixel."""
    weight = np.zeros(hardness.shape)
    for at in pixels(hardness.shape):
        weight[at] = min(max(max(hardness[at], EPS) ** exponent, floor), ceiling)
    return normalised(weight, valid)
