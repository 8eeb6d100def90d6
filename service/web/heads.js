/** The head view: the tokens twice, and lines from each query to the keys that it attends to. */

import { fit, theme } from "./canvas.js";
import { element } from "./dom.js";
import { Links } from "./links.js";
import { Matrix } from "./matrix.js";
import { precise } from "./numbers.js";
import { say, TEXT } from "./strings.js";

const ROW = 22;
const COLUMN = 150;
const FONT = "13px system-ui, sans-serif";
/** More lines than this only darken each other, and take long. */
const MOST_DRAWN = 200;
const MOST_LISTED = 24;

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
		/** @type {Record<"query" | "key", readonly boolean[]>} */
		this.hidden = { query: [], key: [] };
		this.links = new Links(new Matrix(0, 0, new Float32Array()), { kind: "top", top: 1, mass: 1 }, this.hidden);
		/** @type {Focus} */
		this.focus = null;
		this.kept = false;
		this.asked = "";
		this.#listen();
	}

	/** @param {Sight} sight */
	show({ answer, values, head }) {
		const asked = [values.links, values.top, values.mass, values.hide_special, head].join(" ");
		const hide = values.hide_special === "true";
		this.hidden = { query: hide ? answer.queries.special : [], key: hide ? answer.keys.special : [] };
		if (answer !== this.answer || asked !== this.asked) {
			const how = { kind: values.links, top: Number(values.top), mass: Number(values.mass) };
			this.links = new Links(answer.matrix("attentions", 0, head), how, this.hidden);
			this.asked = asked;
		}
		if (answer !== this.answer) {
			this.focus = null;
			this.kept = false;
		}
		this.answer = answer;
		const rows = Math.max(answer.queries.tokens.length, answer.keys.tokens.length);
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
		const column = Math.min(COLUMN, width * 0.36);
		const top = scrolled.scrollTop;
		this.#drawLinks(column, width - column, top, height);
		context.font = FONT;
		context.textBaseline = "middle";
		this.#drawTokens("query", answer.queries.tokens, { x: column - 8, width: column - 8, align: "right" }, top, height);
		this.#drawTokens(
			"key",
			answer.keys.tokens,
			{ x: width - column + 8, width: column - 8, align: "left" },
			top,
			height,
		);
	}

	/** @param {number} top @param {number} height @returns {Line[]} those of the focus, or of the queries in view */
	#linksInView(top, height) {
		const { focus, links } = this;
		if (focus) return focus.side === "query" ? links.between(focus.index, focus.index + 1) : links.toKey(focus.index);
		return links.between(Math.floor(top / ROW), Math.ceil((top + height) / ROW));
	}

	/** @param {number} from @param {number} to @param {number} top @param {number} height */
	#drawLinks(from, to, top, height) {
		const { context, focus } = this;
		const middle = (from + to) / 2;
		context.strokeStyle = theme().accent;
		context.lineWidth = focus ? 2.5 : 1.5;
		for (const { query, key, weight } of this.#linksInView(top, height).slice(0, MOST_DRAWN).reverse()) {
			const start = query * ROW + ROW / 2 - top;
			const end = key * ROW + ROW / 2 - top;
			context.globalAlpha = 0.1 + 0.9 * Math.min(weight, 1);
			context.beginPath();
			context.moveTo(from, start);
			context.bezierCurveTo(middle, start, middle, end, to, end);
			context.stroke();
		}
		context.globalAlpha = 1;
	}

	/**
	 * @param {"query" | "key"} side
	 * @param {readonly string[]} tokens
	 * @param {{x: number, width: number, align: CanvasTextAlign}} place
	 * @param {number} top
	 * @param {number} height
	 */
	#drawTokens(side, tokens, { x, width, align }, top, height) {
		const { context, focus } = this;
		const { ink, accent, onAccent } = theme();
		const first = Math.max(0, Math.floor(top / ROW));
		const last = Math.min(tokens.length, Math.ceil((top + height) / ROW));
		context.textAlign = align;
		for (let index = first; index < last; index++) {
			const y = index * ROW + ROW / 2 - top;
			const focused = focus?.side === side && focus.index === index;
			context.globalAlpha = this.hidden[side][index] ? 0.25 : 1;
			if (focused) {
				context.fillStyle = accent;
				context.fillRect(align === "right" ? x - width : x - 6, y - ROW / 2 + 1, width + 6, ROW - 2);
			}
			context.fillStyle = focused ? onAccent : ink;
			context.fillText(tokens[index] ?? "", x, y, width);
		}
		context.globalAlpha = 1;
	}

	#read() {
		const { focus, answer } = this;
		if (!focus || !answer) {
			this.readout.replaceChildren(element("p", { class: "hint" }, TEXT.headHint));
			return;
		}
		const ofQuery = focus.side === "query";
		const [from, to] = ofQuery
			? [answer.queries.tokens, answer.keys.tokens]
			: [answer.keys.tokens, answer.queries.tokens];
		const listed = this.#linksInView(0, 0)
			.slice(0, MOST_LISTED)
			.map(({ query, key, weight }) =>
				element("li", {}, element("bdi", {}, to[ofQuery ? key : query]), ` ${precise(weight)}`),
			);
		this.readout.replaceChildren(
			element("p", {}, say(ofQuery ? TEXT.linksOf : TEXT.linksTo, { token: from[focus.index] ?? "" })),
			element("ol", { class: "links" }, ...listed),
		);
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
		const count = (side === "query" ? this.answer?.queries.tokens : this.answer?.keys.tokens)?.length ?? 0;
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
		const tokens = (of = side) =>
			(of === "query" ? this.answer?.queries.tokens : this.answer?.keys.tokens)?.length ?? 0;
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
