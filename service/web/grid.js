/** All layers × heads as small pictures, fetched a layer at a time and only when they come into view. */

import { ask, fieldsOf } from "./api.js";
import { chooseScale, palette, picture } from "./colors.js";
import { element } from "./dom.js";
import { Matrix } from "./matrix.js";
import { readBytesNpy } from "./safetensors.js";
import { say, TEXT } from "./strings.js";

/** @typedef {{row: HTMLElement, canvases: HTMLCanvasElement[], matrices: {matrix: Matrix, scale: Scale}[] | null}} Layer */

const PIXELS = 112;

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
		this.frame = 0;
		this.colormap = "viridis";
		this.stop = new AbortController();
		this.seen = new IntersectionObserver((entries) => {
			for (const { isIntersecting, target } of entries)
				if (isIntersecting) this.#load(Number(target.getAttribute("data-layer")));
		});
		/** @type {{values: Values, model: Model} | null} */
		this.source = null;
	}

	/** @param {Sight} sight */
	show({ values, model, layers, heads }) {
		const fields = fieldsOf(values, model, "attention");
		const asked = JSON.stringify([fields, layers, heads]);
		this.source = { values, model };
		this.hint.textContent = layers * heads > 1 ? TEXT.gridHint : TEXT.gridSynthetic;
		if (asked !== this.asked) {
			this.asked = asked;
			this.stop.abort();
			this.stop = new AbortController();
			if (this.layers.length !== layers || this.layers[0]?.canvases.length !== heads) this.#build(layers, heads);
			for (const layer of this.layers) {
				layer.matrices = null;
				layer.row.setAttribute("aria-busy", "true");
			}
			this.seen.disconnect(); // and observed anew, each tells whether it is seen
			for (const { row } of this.layers) this.seen.observe(row);
		}
		if (values.colormap !== this.colormap) {
			this.colormap = values.colormap;
			this.#drawFrom(0);
		}
	}

	/** @param {number} layers @param {number} heads */
	#build(layers, heads) {
		this.layers = Array.from({ length: layers }, (_, layer) => {
			const canvases = Array.from({ length: heads }, () => element("canvas", { width: PIXELS, height: PIXELS }));
			const buttons = canvases.map((canvas, head) =>
				element(
					"button",
					{
						type: "button",
						"aria-label": say(TEXT.openHead, { layer, head }),
						title: say(TEXT.openHead, { layer, head }),
						onclick: () =>
							this.change(
								{ view: "heatmap", tensor: "attentions", layer: layers > 1 ? String(layer) : "", head: String(head) },
								{ push: true },
							),
					},
					canvas,
					element("small", {}, `${layer}.${head}`),
				),
			);
			const row = element(
				"div",
				{ class: "layer", role: "group", "aria-label": say(TEXT.layerRow, { layer }), "data-layer": layer },
				...buttons,
			);
			return { row, canvases, matrices: null };
		});
		this.rows.replaceChildren(...this.layers.map(({ row }) => row));
	}

	/** @param {number} index */
	async #load(index) {
		const layer = this.layers[index];
		if (!layer || layer.matrices || !this.source) return;
		const { values, model } = this.source;
		const fields = fieldsOf(values, model, "attention");
		if (model.kind === "pretrained") fields.layers = String(index);
		const { signal } = this.stop;
		try {
			const response = await ask("attention", { ...fields, format: "npy", quantize: "uint8" }, signal);
			const { shape, numbers } = readBytesNpy(await response.arrayBuffer());
			const [rows = 0, columns = 0] = shape.slice(-2);
			layer.matrices = layer.canvases.map((_, head) => {
				const bytes = numbers.subarray(head * rows * columns, (head + 1) * rows * columns);
				const matrix = new Matrix(rows, columns, Float32Array.from(bytes)).pooled(PIXELS, PIXELS);
				return { matrix, scale: chooseScale(matrix, "data", "linear", "") };
			});
			this.#draw(index);
			layer.row.removeAttribute("aria-busy");
		} catch (error) {
			if (signal.aborted) return;
			this.asked = ""; // so that the next look tries again
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
		const layer = this.layers[index];
		layer?.matrices?.forEach(({ matrix, scale }, head) => {
			const canvas = layer.canvases[head];
			const context = canvas?.getContext("2d");
			if (!canvas || !context) return;
			const image = picture(matrix, scale, colors);
			if (canvas.width !== image.width) canvas.width = image.width;
			if (canvas.height !== image.height) canvas.height = image.height;
			context.putImageData(image, 0, 0);
		});
	}
}
