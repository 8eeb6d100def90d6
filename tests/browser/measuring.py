"""How fast the page is, by the browser's own performance API: navigation to picture, and interaction to next paint."""

from collections.abc import Awaitable, Callable

from playwright.async_api import Browser, Locator

from tests.browser.explorer import Explorer

OBSERVE = """
window.interactions = [];
new PerformanceObserver(list => {
    for (const {interactionId, duration} of list.getEntries()) if (interactionId) window.interactions.push(duration);
}).observe({type: 'event', durationThreshold: 16, buffered: true});
"""
SETTLE = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"
"""Until the browser has painted, and told what that took."""
PICTURE = """new Promise(done => new PerformanceObserver(list => {
    for (const {name, startTime} of list.getEntries()) if (name === 'picture') done(startTime);
}).observe({type: 'mark', buffered: true}))"""
"""When the first picture was drawn: told by the browser, for asking it again and again would take its time."""
FASTEST = 16.0
"""Milliseconds; shorter interactions are not told."""


async def milliseconds_to_picture(browser: Browser, url: str) -> float:
    """From navigation to the first picture, in a browser that has no file of the page yet."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    await page.goto(url, wait_until="commit")
    mark: float = await page.evaluate(PICTURE)
    await context.close()
    return mark


async def kilobytes(browser: Browser, url: str, view: str) -> float:
    """What the page and its files weigh, uncompressed, when it opens with this view; answers do not count."""
    context = await browser.new_context()
    explorer = Explorer(await context.new_page(), url)
    await explorer.show(view=view)
    weight: int = await explorer.page.evaluate(
        """[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
            .filter(({name}) => name.includes('/web/') || name === location.href)
            .reduce((sum, {decodedBodySize}) => sum + decodedBodySize, 0)"""
    )
    await context.close()
    return weight / 1000


async def interactions(browser: Browser, url: str, tokens: int) -> dict[str, float]:
    """Milliseconds until the next paint after each way to use the page, with a text of so many tokens and 12 heads."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(await context.new_page(), url)
    page = explorer.page
    await page.add_init_script(OBSERVE)
    found: dict[str, float] = {}

    async def time(name: str, act: Callable[[], Awaitable[object]]) -> None:
        await page.evaluate(f"{SETTLE}.then(() => {{ window.interactions = []; }})")
        await act()
        await page.evaluate(SETTLE)
        found[name] = max([FASTEST, *await page.evaluate("window.interactions")])
        await explorer.drawn()

    sentence = "word " * (tokens - 2)
    state = {"sentence": sentence, "model": "small", "layer": "0", "head": "0"}
    press = page.keyboard.press

    await explorer.show(view="heatmap", **state)
    canvas = page.locator(".heatmap .plot canvas")
    await canvas.focus()
    await time("heatmap: move the cursor", lambda: press("ArrowDown"))
    await time("heatmap: pin a row", lambda: press("Enter"))
    await time("heatmap: zoom in", lambda: press("+"))
    await time("heatmap: move along", lambda: press("End"))
    await time("heatmap: click a cell", lambda: click_middle(canvas))
    await time("heatmap: another colour map", lambda: choose(explorer, "colormap"))
    await time("heatmap: logarithmic", lambda: choose(explorer, "color_scale"))
    await time("heatmap: sort by the row", lambda: choose(explorer, "sort"))
    await time("heatmap: hide special tokens", lambda: page.locator("#field-hide_special").click())
    await time("to the head view", lambda: explorer.tab("Head view"))
    await page.locator(".heads canvas").focus()
    await time("head view: pick a token", lambda: press("ArrowDown"))
    await time("head view: click a token", lambda: click_middle(page.locator(".heads canvas")))
    await time("head view: a share of the weight", lambda: choose(explorer, "links"))
    await time("to all heads", lambda: explorer.tab("All heads"))
    await page.locator(".layer[aria-busy]").first.wait_for(state="detached")
    await time("all heads: another colour map", lambda: choose(explorer, "colormap"))
    await time("all heads: open one", lambda: page.get_by_role("button", name="Layer 0, head 4: open").click())
    await time("to the walk", lambda: explorer.tab("Walk"))
    await explorer.matrix("scores").focus()
    await time("walk: explain a cell", lambda: press("ArrowDown"))
    await context.close()
    return found


async def choose(explorer: Explorer, name: str) -> None:
    """The next choice of a selection, by the keyboard."""
    await explorer.field(name).focus()
    await explorer.page.keyboard.press("ArrowDown")


async def click_middle(canvas: Locator) -> None:
    """Click in the middle of what is seen of it."""
    await canvas.click(position={"x": 150, "y": 150})
