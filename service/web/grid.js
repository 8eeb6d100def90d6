/** All layers × heads as small pictures, fetched a layer at a time and only when they come into view. */

import { ask } from "./api.js";
import { chooseScale, palette, picture } from "./colors.js";
import { element } from "./dom.js";
import { retryDelay } from "./loading.js";
import { Matrix } from "./matrix.js";
import { readBytesNpy } from "./npy.js";
import { textFields } from "./questions.js";
import { say, TEXT } from "./strings.js";

/** @typedef {{row: HTMLElement, canvases: HTMLCanvasElement[], pictures: {matrix: Matrix, scale: Scale}[], isAsked: boolean}} Layer */

const PIXELS = 112;
/** The byte that stands for null. */
const NULL = 255;

export class GridView {
	/**
	 * @param {Change} change
	 * @param {(error: unknown) => void} fail is told what went wrong
	 */
	constructor(change, fail) {
		this.change = change;
		this.fail = fail;
		this.rows = element("div", { class: "layers" });
		this.hint = element("p", { class: "hint" });
		this.element = element("div", { class: "grid" }, this.hint, this.rows);
		/** @type {Layer[]} */
		this.layers = [];
		this.asked = "";
		/** @type {Fields} */
		this.fields = {};
		this.frame = 0;
		this.colormap = "viridis";
		this.stop = new AbortController();
		this.seen = new IntersectionObserver((entries) => {
			for (const { isIntersecting, target } of entries)
				if (isIntersecting) this.#load(Number(target.getAttribute("data-layer")));
		});
	}

	/** @param {Sight} sight */
	show({ answer, asked: question, values, model }) {
		const layers = model.stacks[answer.told.parameters.stack] ?? model.layers;
		const heads = model.heads ?? answer.told.heads.length;
		const fields = textFields(question, model);
		const asked = JSON.stringify([fields, layers, heads]);
		this.hint.textContent = layers * heads > 1 ? TEXT.gridHint : TEXT.gridSynthetic;
		const isOther = values.colormap !== this.colormap;
		this.colormap = values.colormap;
		if (asked !== this.asked) {
			this.asked = asked;
			this.fields = model.kind === "pretrained" ? { ...fields, layers: "" } : fields;
			this.stop.abort();
			this.stop = new AbortController();
			if (this.layers.length !== layers || this.layers[0]?.canvases.length !== heads) this.#build(layers, heads);
			for (const layer of this.layers) {
				layer.isAsked = false;
				layer.row.setAttribute("aria-busy", "true");
			}
			this.seen.disconnect(); // and observed anew, each tells whether it is seen
			for (const { row } of this.layers) this.seen.observe(row);
		} else if (isOther) this.#drawFrom(0);
	}

	/** @param {number} layers @param {number} heads */
	#build(layers, heads) {
		this.layers = Array.from({ length: layers }, (_, layer) => {
			const canvases = Array.from({ length: heads }, () => element("canvas", { width: PIXELS, height: PIXELS }));
			const buttons = canvases.map((canvas, head) => this.#button(canvas, layers, layer, head));
			const label = say(TEXT.layerRow, { layer });
			const row = element(
				"div",
				{ class: "layer", role: "group", "aria-label": label, "data-layer": layer },
				...buttons,
			);
			return { row, canvases, pictures: [], isAsked: false };
		});
		this.rows.replaceChildren(...this.layers.map(({ row }) => row));
	}

	/** @param {HTMLCanvasElement} canvas @param {number} layers @param {number} layer @param {number} head */
	#button(canvas, layers, layer, head) {
		const label = say(TEXT.openHead, { layer, head });
		const place = { layer: layers > 1 ? String(layer) : "", head: String(head) };
		const open = () => this.change({ view: "heatmap", tensor: "attentions", ...place }, { push: true });
		const attributes = { type: "button", "aria-label": label, title: label, onclick: open };
		return element("button", attributes, canvas, element("small", {}, `${layer}.${head}`));
	}

	/** @param {number} index of a layer that is seen */
	async #load(index) {
		const layer = this.layers[index];
		if (!layer || layer.isAsked) return;
		layer.isAsked = true;
		const { signal } = this.stop;
		const fields = "layers" in this.fields ? { ...this.fields, layers: String(index) } : this.fields;
		try {
			const wanted = { ...fields, format: "npy", quantize: "uint8" };
			const { shape, numbers } = await ask(
				"attention",
				wanted,
				async (of) => readBytesNpy(await of.arrayBuffer()),
				signal,
			);
			const [rows = 0, columns = 0] = shape.slice(-2);
			layer.pictures = layer.canvases.map((_, head) => {
				const bytes = numbers.subarray(head * rows * columns, (head + 1) * rows * columns);
				const matrix = new Matrix(rows, columns, Float32Array.from(bytes, numberOf)).pooled(PIXELS, PIXELS);
				return { matrix, scale: chooseScale(matrix, "data", "linear", "") };
			});
			layer.row.removeAttribute("aria-busy");
			this.#draw(index);
		} catch (error) {
			if (signal.aborted) return;
			layer.isAsked = false;
			const delay = retryDelay(error);
			if (delay !== null) setTimeout(() => signal.aborted || this.#load(index), delay);
			this.fail(error);
		}
	}

	/** @param {number} index of a layer, drawn now; those behind it follow, one a frame */
	#drawFrom(index) {
		cancelAnimationFrame(this.frame);
		if (index >= this.layers.length) return;
		this.#draw(index);
		this.frame = requestAnimationFrame(() => this.#drawFrom(index + 1));
	}

	/** @param {number} index */
	#draw(index) {
		const colors = palette(this.colormap);
		const { canvases, pictures } = this.layers[index];
		pictures.forEach(({ matrix, scale }, head) => {
			const canvas = canvases[head];
			const image = picture(matrix, scale, colors);
			if (canvas.width !== image.width) canvas.width = image.width;
			if (canvas.height !== image.height) canvas.height = image.height;
			canvas.getContext("2d")?.putImageData(image, 0, 0);
		});
	}
}

/** @param {number} byte @returns {number} */
function numberOf(byte) {
	return byte === NULL ? Number.NaN : byte;
}
