/** A matrix on a canvas, with a cursor for mouse and keyboard. The walk and the heatmap are made of these. */

import { fit, LONGEST_NAME, NAME_FONT, shortened, theme, widthOf } from "./canvas.js";
import { chooseScale, palette } from "./colors.js";
import { element } from "./dom.js";
import { bitmap, drawCells, drawHatching, drawLights, drawNames, drawNumbers } from "./draw.js";
import { Geometry } from "./geometry.js";

/** So much of the first row's name is above its middle. */
const HALF_A_LINE = 4;
/** What is left for cells beside long names, at least. */
const SMALLEST = 120;
/** A click may shake by so many pixels. */
const DRAG = 4;
const STEPS = /** @type {Record<string, [number, number]>} */ ({
	ArrowUp: [-1, 0],
	ArrowDown: [1, 0],
	ArrowLeft: [0, -1],
	ArrowRight: [0, 1],
	PageUp: [-10, 0],
	PageDown: [10, 0],
});

export class MatrixView extends EventTarget {
	/** @param {string} label for those who cannot see it */
	constructor(label) {
		super();
		this.canvas = element("canvas", { tabindex: 0, role: "application", "aria-label": label });
		this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
		/** @type {Content | null} */
		this.content = null;
		this.geometry = new Geometry(1, 1, 1, 1);
		/** @type {Cell | null} */
		this.cursor = null;
		/** @type {readonly Light[]} */
		this.lights = [];
		/** How far the mouse went with its button down. */
		this.dragged = 0;
		this.margin = { left: 0, top: 0 };
		this.names = { rows: /** @type {string[]} */ ([]), columns: /** @type {string[]} */ ([]) };
		/** @type {OffscreenCanvas | null} */
		this.pixels = null;
		this.#listen();
	}

	/** @param {Content} content what is drawn from now on; the zoom stays where the shape does */
	show(content) {
		const { matrix } = content;
		const before = this.geometry;
		this.content = content;
		this.context.font = NAME_FONT;
		this.names = {
			rows: content.named.rows ? content.rowNames.map((name) => shortened(this.context, name)) : [],
			columns: content.named.columns ? content.columnNames.map((name) => shortened(this.context, name)) : [],
		};
		this.margin = { left: this.#longest(this.names.rows, 1), top: this.#longest(this.names.columns, HALF_A_LINE) };
		const { room, cell, square } = content;
		const width = Math.min(matrix.columns * cell.width, Math.max(room.width - this.margin.left, SMALLEST));
		const height = Math.min(matrix.rows * cell.height, Math.max(room.height - this.margin.top, SMALLEST));
		this.geometry = new Geometry(matrix.rows, matrix.columns, width, height, { square });
		if (before.rows === matrix.rows && before.columns === matrix.columns && before.zoom > 1) {
			this.geometry.zoomBy(before.zoom, 0, 0);
			this.geometry.moveBy(before.left, before.top);
		}
		if (this.cursor && (this.cursor.row >= matrix.rows || this.cursor.column >= matrix.columns)) this.cursor = null;
		this.colors = palette(content.colormap);
		this.scale = chooseScale(matrix, content.range, content.scale, content.colormap);
		this.pixels = null;
		this.draw();
	}

	/** @param {readonly Light[]} lights what is framed */
	light(lights) {
		if (lights.length || this.lights.length) {
			this.lights = lights;
			this.draw();
		}
	}

	/** @param {number} factor @param {number} [x] @param {number} [y] in the window */
	zoom(factor, x, y) {
		this.geometry.zoomBy(factor, x, y);
		this.canvas.style.touchAction = this.geometry.zoom > 1 ? "none" : ""; // a finger moves the matrix, else the page
		this.pixels = null;
		this.draw();
	}

	/** Draw it anew. */
	draw() {
		const { content, context, geometry, margin, scale, colors } = this;
		if (!content || !scale || !colors) return;
		const density = window.devicePixelRatio || 1;
		const seen = geometry.square
			? {
					width: Math.min(geometry.width, geometry.columns * geometry.cellWidth),
					height: Math.min(geometry.height, geometry.rows * geometry.cellHeight),
				}
			: geometry;
		const width = Math.ceil(margin.left + seen.width + 2);
		const height = Math.ceil(margin.top + seen.height + 2);
		this.pixels ??= bitmap(content.matrix, scale, colors, geometry, density);
		fit(this.canvas, context, width, height);
		const { ink, accent, hatching } = theme();
		const lit = this.cursor ? [...this.lights, this.cursor] : this.lights;
		context.translate(margin.left, margin.top);
		drawNames(context, geometry, this.names.rows, this.names.columns, { color: ink, font: NAME_FONT, lit });
		context.save();
		context.beginPath();
		context.rect(-1, -1, seen.width + 2, seen.height + 2);
		context.clip();
		if (scale.masked) drawHatching(context, seen, hatching);
		drawCells(context, this.pixels, geometry);
		drawNumbers(context, content.matrix, scale, colors, geometry);
		drawLights(context, lit, geometry, accent);
		context.restore();
	}

	/** @param {Cell | null} cell where the cursor goes; listeners of `cell` are told */
	moveTo(cell) {
		if (cell?.row === this.cursor?.row && cell?.column === this.cursor?.column) return;
		this.cursor = cell;
		this.dispatchEvent(new CustomEvent("cell", { detail: cell }));
		this.draw();
	}

	/** @param {readonly string[]} names @param {number} least @returns {number} the room that they take */
	#longest(names, least) {
		const widest = names.reduce((most, name) => Math.max(most, widthOf(this.context, name)), 0);
		return names.length ? Math.ceil(Math.min(widest, LONGEST_NAME)) + 8 : least;
	}

	/** @param {MouseEvent} event @returns {{x: number, y: number}} the point in the window */
	point(event) {
		const box = this.canvas.getBoundingClientRect();
		return { x: event.clientX - box.left - this.margin.left, y: event.clientY - box.top - this.margin.top };
	}

	#listen() {
		this.canvas.addEventListener("pointermove", (event) => {
			if (event.buttons) this.dragged += Math.abs(event.movementX) + Math.abs(event.movementY);
			const { x, y } = this.point(event);
			this.moveTo(this.geometry.cellAt(x, y));
		});
		this.canvas.addEventListener("pointerleave", () => {
			if (document.activeElement !== this.canvas) this.moveTo(null);
		});
		this.canvas.addEventListener("focus", () => {
			if (this.canvas.matches(":focus-visible")) this.moveTo(this.cursor ?? { row: 0, column: 0 });
		});
		this.canvas.addEventListener("blur", () => this.moveTo(null));
		this.canvas.addEventListener("pointerdown", (event) => {
			this.dragged = 0;
			if (this.geometry.zoom > 1) this.canvas.setPointerCapture(event.pointerId);
		});
		this.canvas.addEventListener("click", (event) => {
			if (this.dragged > DRAG) return;
			const { x, y } = this.point(event);
			this.#pick(this.geometry.cellAt(x, y), event.shiftKey);
		});
		this.canvas.addEventListener("keydown", (event) => this.#key(event));
	}

	/** @param {Cell | null} cell @param {boolean} column */
	#pick(cell, column) {
		if (cell) this.dispatchEvent(new CustomEvent("pick", { detail: { cell, column } }));
	}

	/** @param {KeyboardEvent} event */
	#key(event) {
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const { rows, columns } = this.geometry;
		const at = this.cursor ?? { row: 0, column: 0 };
		const step = STEPS[event.key];
		let to = null;
		if (step) to = { row: at.row + step[0], column: at.column + step[1] };
		else if (event.key === "Home") to = { row: at.row, column: 0 };
		else if (event.key === "End") to = { row: at.row, column: columns - 1 };
		else if (event.key === "Enter") this.#pick(at, event.shiftKey);
		else return;
		event.preventDefault();
		if (!to) return;
		const cell = {
			row: Math.min(Math.max(to.row, 0), rows - 1),
			column: Math.min(Math.max(to.column, 0), columns - 1),
		};
		this.geometry.reveal(cell);
		this.moveTo(cell);
	}
}
