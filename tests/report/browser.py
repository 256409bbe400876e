"""Opens a page in Chromium, as QtWebEngine brings it, and tells what came of it as JSON.

    python browser.py PAGE.html ANSWER.json [FOLDER for pictures]

A process of its own, because a browser needs the main thread and takes the process with it.
"""

import json
import os
import sys
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"
# Root has no sandbox, a server no GPU, a container little shared memory.
os.environ["QTWEBENGINE_CHROMIUM_FLAGS"] = "--no-sandbox --disable-gpu --disable-dev-shm-usage"

from PyQt6.QtCore import QEventLoop, Qt, QTimer, QUrl
from PyQt6.QtTest import QTest
from PyQt6.QtWebEngineCore import QWebEnginePage, QWebEngineUrlRequestInterceptor
from PyQt6.QtWebEngineWidgets import QWebEngineView
from PyQt6.QtWidgets import QApplication

SIZES = ((360, 800), (1920, 1080))
SECONDS = 60


class Requests(QWebEngineUrlRequestInterceptor):
    """Writes down what the page asks for beside itself."""

    def __init__(self):
        super().__init__()
        self.outside = []

    def interceptRequest(self, info):
        url = info.requestUrl()
        if url.scheme() not in ("file", "data", "blob"):
            self.outside.append(url.toString())


class Page(QWebEnginePage):
    """Writes down what is said on the console."""

    def __init__(self, parent):
        super().__init__(parent)
        self.console = []

    def javaScriptConsoleMessage(self, level, message, line, source):
        self.console.append(f"{message} (line {line})")


def wait_for(start):
    """The value that `start(answer)` calls `answer` with, sooner or later."""
    values, loop = [], QEventLoop()

    def answer(value=None):
        values.append(value)
        loop.quit()

    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(loop.quit)
    timer.start(SECONDS * 1000)
    start(answer)
    if not values:
        loop.exec()
    assert values, f"The browser did not answer in {SECONDS} s."
    return values[0]


class Browser:
    """A window without a screen."""

    def __init__(self):
        self.view = QWebEngineView()
        self.page = Page(self.view)
        self.requests = Requests()
        self.page.setUrlRequestInterceptor(self.requests)
        self.view.setPage(self.page)

    def open(self, path, width, height):
        self.view.resize(width, height)
        self.view.show()

        def start(answer):
            self.page.loadFinished.connect(answer)
            self.view.load(QUrl.fromLocalFile(str(path)))

        assert wait_for(start), f"{path} did not load."
        self.page.loadFinished.disconnect()
        QTest.qWait(300)

    def run(self, script):
        """The value of a script, plain."""
        script = f"JSON.stringify(({script}) ?? null)"
        return json.loads(wait_for(lambda answer: self.page.runJavaScript(script, answer)))

    def press(self, key):
        QTest.keyClick(self.view.focusProxy(), key)
        QTest.qWait(20)


def moved_sliders(browser):
    """Of each slider in turn: the view that it shows before, and after one press of a key."""
    count = browser.run("document.querySelectorAll('input[type=range]').length")
    told = []
    for index in range(count):
        slider = f"document.querySelectorAll('input[type=range]')[{index}]"
        state = f"[{slider}.getAttribute('aria-valuetext'), {slider}.value]"
        before = browser.run(state)
        browser.run(f"{slider}.focus()")
        browser.press(Qt.Key.Key_Right)
        told.append([*before, *browser.run(state)])
    return told


SHOWN = """[...document.querySelectorAll('.frame')].map(frame =>
    [...frame.querySelectorAll('img')].filter(image => !image.hidden).map(i => i.dataset.view))"""
COLOURS = """(() => {
    const text = document.querySelector('.chart text');
    return {
        ground: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
        plot: text && getComputedStyle(text).fill,
    };
})()"""
LAID_OUT = """({
    charts: document.querySelectorAll('.chart').length,
    empty: document.querySelectorAll('.chart:not(:has(.main-svg))').length,
    width: document.documentElement.scrollWidth,
    links: document.querySelectorAll('nav a').length,
    images: [...document.images].filter(image => !image.hidden && !image.naturalWidth).length,
    font: parseFloat(getComputedStyle(document.querySelector('td, p')).fontSize),
})"""


def choose_theme(browser, theme):
    browser.run(
        f"(() => {{ const s = document.querySelector('#theme'); s.value = '{theme}';"
        "s.dispatchEvent(new Event('change')); return 0 })()"
    )
    QTest.qWait(200)


def pointed_at(browser, across, down):
    """What the page says of a point of its first frame, given in shares of width and height."""
    return browser.run(
        f"""(() => {{
            const box = document.querySelector('.views');
            const at = box.getBoundingClientRect();
            box.dispatchEvent(new PointerEvent('pointermove', {{
                clientX: at.left + {across} * at.width, clientY: at.top + {down} * at.height,
            }}));
            return [...document.querySelectorAll('.tip:not([hidden]) div')].map(d => d.textContent);
        }})()"""
    )


def look_at(path, pictures):
    browser, told = Browser(), {"sizes": {}}
    for width, height in SIZES:
        browser.open(path, width, height)
        told["sizes"][width] = browser.run(LAID_OUT)
        if pictures:
            for theme in ("light", "dark"):
                choose_theme(browser, theme)
                browser.view.grab().save(str(pictures / f"{width}_{theme}.png"))
    told["colours"] = {}
    for theme in ("light", "dark"):
        choose_theme(browser, theme)
        told["colours"][theme] = browser.run(COLOURS)
    if browser.run("document.querySelectorAll('.frame').length"):
        told["pointed"] = [pointed_at(browser, *point) for point in ((0.25, 0.25), (0.9, 0.6))]
        told["sliders"] = moved_sliders(browser)
        browser.run(
            "(() => { const s = document.querySelector('input.all'); s.value = 2;"
            "s.dispatchEvent(new Event('input')); return 0 })()"
        )
        told["shown"] = browser.run(SHOWN)
    told["console"], told["outside"] = browser.page.console, browser.requests.outside
    return told


if __name__ == "__main__":
    application = QApplication(["browser"])
    page, answer, *folder = map(Path, sys.argv[1:])
    answer.write_text(json.dumps(look_at(page.resolve(), folder[0] if folder else None)))
    # Qt may end the process with an error of its own in tearing down.
    sys.stdout.flush()
    os._exit(0)
