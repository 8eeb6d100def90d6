/** The head view: the tokens twice, and lines from each query to the keys that it attends to. */

import { element } from "./dom.js";
import { fit } from "./draw.js";
import { linksOf } from "./links.js";
import { precise } from "./numbers.js";
import { say, TEXT } from "./strings.js";

const ROW = 22;
const COLUMN = 150;
const FONT = "13px system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'Noto Color Emoji', sans-serif";
const FAINT = 0.08;

export class HeadsView {
  constructor() {
    this.canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": TEXT.headHint });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.spacer = element("div", { class: "spacer" }, this.canvas);
    this.window = element("div", { class: "window" }, this.spacer);
    this.readout = element("div", { class: "readout", "aria-live": "polite" });
    this.element = element(
      "div",
      { class: "heads" },
      this.readout,
      element("div", { class: "ends" }, element("span", {}, TEXT.attendFrom), element("span", {}, TEXT.attendTo)),
      this.window,
    );
    /** @type {Answer | null} */
    this.answer = null;
    /** @type {Link[][]} */
    this.links = [];
    this.hidden = /** @type {boolean[]} */ ([]);
    /** @type {Focus} */
    this.focus = null;
    this.kept = false;
    this.asked = "";
    this.#listen();
  }

  /** @param {Answer} answer @param {Values} values @param {number} head its place in the answer */
  show(answer, values, head) {
    const asked = [values.links, values.top, values.mass, head].join(" ");
    if (answer !== this.answer || asked !== this.asked) {
      const how = { kind: values.links, top: Number(values.top), mass: Number(values.mass) };
      this.links = linksOf(answer.matrix("attentions", 0, head), how);
      this.asked = asked;
    }
    if (answer !== this.answer) {
      this.focus = null;
      this.kept = false;
    }
    this.answer = answer;
    this.hidden = values.hide_special === "true" ? answer.special : [];
    const rows = Math.max(answer.queryTokens.length, answer.keyTokens.length);
    this.spacer.style.height = `${rows * ROW}px`;
    this.#read();
    this.draw();
  }

  /** Draw what is seen of it. */
  draw() {
    const { answer, canvas, context, window: scrolled } = this;
    if (!answer) return;
    const width = scrolled.clientWidth;
    const height = Math.min(scrolled.clientHeight, this.spacer.clientHeight);
    if (!width || !height) return;
    fit(canvas, context, width, height);
    const style = getComputedStyle(canvas);
    const column = Math.min(COLUMN, width * 0.36);
    const top = scrolled.scrollTop;
    this.#drawLinks(column, width - column, top, height, style.getPropertyValue("--accent"));
    context.font = FONT;
    context.textBaseline = "middle";
    this.#drawTokens(
      "query",
      answer.queryTokens,
      { x: column - 8, width: column - 8, align: "right" },
      top,
      height,
      style,
    );
    this.#drawTokens(
      "key",
      answer.keyTokens,
      { x: width - column + 8, width: column - 8, align: "left" },
      top,
      height,
      style,
    );
  }

  /** @param {number} from @param {number} to @param {number} top @param {number} height @param {string} color */
  #drawLinks(from, to, top, height, color) {
    const { context, focus } = this;
    context.strokeStyle = color;
    this.links.forEach((links, query) => {
      if (this.hidden[query]) return;
      const y = query * ROW + ROW / 2 - top;
      for (const { key, weight } of links) {
        const end = key * ROW + ROW / 2 - top;
        if (this.hidden[key] || (y < 0 && end < 0) || (y > height && end > height)) continue;
        const concerned = !focus || (focus.side === "query" ? focus.index === query : focus.index === key);
        context.globalAlpha = concerned ? 0.1 + 0.9 * weight : FAINT * weight;
        context.lineWidth = concerned && focus ? 2.5 : 1.5;
        context.beginPath();
        context.moveTo(from, y);
        context.bezierCurveTo((from + to) / 2, y, (from + to) / 2, end, to, end);
        context.stroke();
      }
    });
    context.globalAlpha = 1;
  }

  /**
   * @param {"query" | "key"} side
   * @param {readonly string[]} tokens
   * @param {{x: number, width: number, align: CanvasTextAlign}} place
   * @param {number} top
   * @param {number} height
   * @param {CSSStyleDeclaration} style
   */
  #drawTokens(side, tokens, { x, width, align }, top, height, style) {
    const { context, focus } = this;
    const first = Math.max(0, Math.floor(top / ROW));
    const last = Math.min(tokens.length, Math.ceil((top + height) / ROW));
    context.textAlign = align;
    for (let index = first; index < last; index++) {
      const y = index * ROW + ROW / 2 - top;
      const focused = focus?.side === side && focus.index === index;
      context.globalAlpha = this.hidden[index] ? 0.25 : 1;
      if (focused) {
        context.fillStyle = style.getPropertyValue("--accent");
        context.fillRect(align === "right" ? x - width : x - 6, y - ROW / 2 + 1, width + 6, ROW - 2);
      }
      context.fillStyle = focused ? style.getPropertyValue("--on-accent") : style.color;
      context.fillText(tokens[index] ?? "", x, y, width);
    }
    context.globalAlpha = 1;
  }

  #read() {
    const { focus, answer } = this;
    if (!focus || !answer) {
      const drawn = this.links.reduce((sum, links) => sum + links.length, 0);
      this.readout.replaceChildren(
        element("p", { class: "hint" }, `${TEXT.headHint} ${say(TEXT.allLinks, { count: drawn })}`),
      );
      return;
    }
    const listed = this.#linksOfFocus().map(({ token, weight }) =>
      element("li", {}, element("bdi", {}, token), ` ${precise(weight)}`),
    );
    const tokens = focus.side === "query" ? answer.queryTokens : answer.keyTokens;
    const title = focus.side === "query" ? TEXT.linksOf : TEXT.linksTo;
    this.readout.replaceChildren(
      element("p", {}, say(title, { token: tokens[focus.index] ?? "" })),
      element("ol", { class: "links" }, ...listed),
    );
  }

  /** @returns {{token: string, weight: number}[]} the strongest first */
  #linksOfFocus() {
    const { focus, answer, links } = this;
    if (!focus || !answer) return [];
    if (focus.side === "query")
      return (links[focus.index] ?? []).map(({ key, weight }) => ({ token: answer.keyTokens[key] ?? "", weight }));
    return links
      .flatMap((of, query) =>
        of
          .filter(({ key }) => key === focus.index)
          .map(({ weight }) => ({ token: answer.queryTokens[query] ?? "", weight })),
      )
      .sort((a, b) => b.weight - a.weight)
      .slice(0, 12);
  }

  /** @param {Focus} focus */
  #focusOn(focus) {
    if (focus?.side === this.focus?.side && focus?.index === this.focus?.index) return;
    this.focus = focus;
    this.#read();
    this.draw();
  }

  /** @param {MouseEvent} event @returns {Focus} */
  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    const side = event.clientX - box.left < box.width / 2 ? "query" : "key";
    const index = Math.floor((event.clientY - box.top + this.window.scrollTop) / ROW);
    const count = (side === "query" ? this.answer?.queryTokens : this.answer?.keyTokens)?.length ?? 0;
    return index >= 0 && index < count ? { side, index } : null;
  }

  #listen() {
    this.window.addEventListener("scroll", () => this.draw());
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.kept) this.#focusOn(this.#at(event));
    });
    this.canvas.addEventListener("pointerleave", () => {
      if (!this.kept && document.activeElement !== this.canvas) this.#focusOn(null);
    });
    this.canvas.addEventListener("click", (event) => {
      this.kept = false;
      this.#focusOn(this.#at(event));
      this.kept = this.focus !== null;
    });
    this.canvas.addEventListener("blur", () => {
      this.kept = false;
      this.#focusOn(null);
    });
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { side, index } = this.focus ?? { side: /** @type {const} */ ("query"), index: -1 };
    const tokens = (of = side) => (of === "query" ? this.answer?.queryTokens : this.answer?.keyTokens)?.length ?? 0;
    /** @type {Focus} */
    let to = null;
    if (event.key === "ArrowDown") to = { side, index: Math.min(index + 1, tokens() - 1) };
    else if (event.key === "ArrowUp") to = { side, index: Math.max(index - 1, 0) };
    else if (event.key === "ArrowLeft")
      to = { side: "query", index: Math.min(Math.max(index, 0), tokens("query") - 1) };
    else if (event.key === "ArrowRight") to = { side: "key", index: Math.min(Math.max(index, 0), tokens("key") - 1) };
    else if (event.key === "Enter") this.kept = !this.kept;
    else if (event.key !== "Escape") return;
    event.preventDefault();
    if (event.key === "Enter") return;
    this.kept = to !== null;
    this.#focusOn(to);
    if (!to) return;
    const { scrollTop, clientHeight } = this.window;
    if (to.index * ROW < scrollTop) this.window.scrollTop = to.index * ROW;
    else if ((to.index + 1) * ROW > scrollTop + clientHeight)
      this.window.scrollTop = (to.index + 1) * ROW - clientHeight;
  }
}
