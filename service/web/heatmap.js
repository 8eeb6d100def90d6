/** The heatmap of one head: zoomed, moved, sorted, read out cell by cell. */

import { arrange, readPin, writePin } from "./arrange.js";
import { element } from "./dom.js";
import { legend } from "./legend.js";
import { MatrixView } from "./matrix-view.js";
import { precise } from "./numbers.js";
import { numbersButton } from "./numbers-dialog.js";
import { OF_KEYS } from "./steps.js";
import { say, TEXT } from "./strings.js";
import { listStrongest } from "./strongest.js";

const LARGEST_CELL = 48;
const SMALLEST = 240;
const ZOOM = 1.5;
/** What names and margins take of the window. */
const [BESIDE, ABOVE] = [170, 210];

export class HeatmapView {
	/** @param {Change} change */
	constructor(change) {
		this.change = change;
		this.view = new MatrixView(TEXT.readout.none);
		this.readout = element("output", { class: "readout", "aria-live": "polite" });
		this.notes = element("p", { class: "notes", role: "status" });
		this.legend = element("div", { class: "legend" });
		this.strongest = element("ol", { class: "strongest" });
		const tool = (/** @type {string} */ label, /** @type {string} */ sign, /** @type {() => void} */ act) =>
			element("button", { type: "button", "aria-label": label, title: label, onclick: act }, sign);
		this.unpin = element(
			"button",
			{ type: "button", hidden: true, onclick: () => change({ pin: "", sort: "none" }) },
			TEXT.unpin,
		);
		this.element = element(
			"div",
			{ class: "heatmap" },
			element(
				"div",
				{ class: "tools" },
				tool(TEXT.zoomOut, "−", () => this.view.zoom(1 / ZOOM)),
				tool(TEXT.zoomIn, "+", () => this.view.zoom(ZOOM)),
				tool(TEXT.zoomAll, TEXT.zoomAll, () => this.view.zoom(0)),
				this.unpin,
				numbersButton(() => this.view.content),
			),
			this.readout,
			element(
				"div",
				{ class: "sides" },
				element("div", { class: "plot" }, this.view.canvas),
				element("aside", {}, this.legend, this.notes, this.strongest),
			),
		);
		/** @type {Answer | null} */
		this.answer = null;
		/** @type {Arranged | null} */
		this.arranged = null;
		/** @type {Pin} */
		this.pin = null;
		this.name = "attentions";
		this.#listen();
	}

	/** @param {Sight} sight */
	show({ answer, values, head }) {
		this.answer = answer;
		this.name = values.tensor;
		const ofKeys = OF_KEYS.has(this.name);
		const whole = answer.matrix(this.name, 0, head);
		const hide = values.hide_special === "true";
		const hidden = hide ? answer.special : [];
		const renormalize = hide && values.renormalize === "true" && this.name === "attentions";
		this.pin = readPin(values.pin);
		this.arranged = arrange(whole, {
			hiddenRows: answer.queryTokens.length === answer.keyTokens.length ? hidden : [],
			hiddenColumns: ofKeys ? hidden : [],
			renormalize,
			sort: values.sort,
			pin: this.pin,
		});
		const { matrix, rows, columns } = this.arranged;
		const rowTokens = this.name === "key" || this.name === "value" ? answer.keyTokens : answer.queryTokens;
		const room = this.#room();
		const side = (/** @type {number} */ cells, /** @type {number} */ most) =>
			Math.max(Math.min(cells * LARGEST_CELL, most), Math.min(SMALLEST, most));
		this.view.show({
			matrix,
			rowNames: rows.map((row) => rowTokens[row] ?? ""),
			columnNames: ofKeys ? columns.map((column) => answer.keyTokens[column] ?? "") : [],
			width: side(matrix.columns, room.width),
			height: side(matrix.rows, room.height),
			square: ofKeys,
			colormap: values.colormap,
			range: values.color_range,
			scale: values.color_scale,
		});
		this.#showPin();
		if (this.view.scale) legend(this.legend, this.view.scale, values.colormap);
		this.#note(values, hidden.filter(Boolean).length, hide, renormalize);
		this.#read(this.view.cursor);
	}

	/** The room for the cells, by the window: to ask for the element's own size lays out the page. */
	#room() {
		const width = window.innerWidth - BESIDE;
		return {
			width: Math.max(160, Math.min(width, 900)),
			height: Math.max(200, Math.min(width, window.innerHeight - ABOVE, 900)),
		};
	}

	#showPin() {
		const { pin, arranged, view } = this;
		const place = pin && arranged ? arranged[pin.kind === "row" ? "rows" : "columns"].indexOf(pin.index) : -1;
		this.unpin.hidden = place < 0;
		const isShown = pin !== null && place >= 0;
		view.light(isShown ? [{ [pin.kind]: place }] : []);
		listStrongest(this.strongest, isShown ? view.content : null, pin?.kind === "row", place);
	}

	/** @param {Values} values @param {number} hidden @param {boolean} hide @param {boolean} renormalize */
	#note(values, hidden, hide, renormalize) {
		const notes = [];
		if (hide && !hidden) notes.push(TEXT.noSpecial);
		else if (hide)
			notes.push(
				renormalize ? say(TEXT.specialRenormalized, { count: hidden }) : say(TEXT.specialHidden, { count: hidden }),
			);
		if (values.color_scale === "log" && !this.view.scale?.log) notes.push(TEXT.logNegative);
		const token = this.#pinnedToken();
		if (token !== null)
			notes.push(this.pin?.kind === "row" ? say(TEXT.pinnedRow, { token }) : say(TEXT.pinnedColumn, { token }));
		this.notes.textContent = notes.join(" ");
	}

	/** @returns {string | null} */
	#pinnedToken() {
		if (!this.pin || !this.answer || this.unpin.hidden) return null;
		const tokens = this.pin.kind === "row" ? this.answer.queryTokens : this.answer.keyTokens;
		return tokens[this.pin.index] ?? String(this.pin.index);
	}

	/** @param {Cell | null} cell */
	#read(cell) {
		const { content } = this.view;
		if (!cell || !content) {
			this.readout.replaceChildren(element("span", { class: "hint" }, TEXT.readout.none));
			return;
		}
		const { query, key, dimension, value } = TEXT.readout;
		const part = (/** @type {string} */ name, /** @type {string} */ text) =>
			element("span", { class: "part", "data-part": name }, `${name} `, element("bdi", {}, text));
		const ofKeys = OF_KEYS.has(this.name);
		this.readout.replaceChildren(
			part(query, content.rowNames[cell.row] ?? ""),
			part(ofKeys ? key : dimension, content.columnNames[cell.column] ?? String(cell.column)),
			part(value, precise(content.matrix.at(cell.row, cell.column))),
		);
	}

	#listen() {
		const { view } = this;
		const { canvas } = view;
		view.addEventListener("cell", (event) => this.#read(/** @type {CustomEvent<Cell | null>} */ (event).detail));
		view.addEventListener("pick", (event) => {
			const { cell, column } = /** @type {CustomEvent<{cell: Cell, column: boolean}>} */ (event).detail;
			if (!this.arranged) return;
			const index = column ? this.arranged.columns[cell.column] : this.arranged.rows[cell.row];
			const pin = writePin({ kind: column ? "column" : "row", index: index ?? 0 });
			this.change({ pin: pin === writePin(this.pin) ? "" : pin });
		});
		canvas.addEventListener(
			"wheel",
			(event) => {
				if (!event.ctrlKey && view.geometry.zoom === 1) return; // the page scrolls, as everywhere
				event.preventDefault();
				const { x, y } = view.point(event);
				if (event.ctrlKey) view.zoom(Math.exp(-event.deltaY / 200), x, y);
				else this.#move(event.deltaX, event.deltaY);
			},
			{ passive: false },
		);
		canvas.addEventListener("keydown", (event) => {
			if (event.key === "+" || event.key === "=") view.zoom(ZOOM);
			else if (event.key === "-") view.zoom(1 / ZOOM);
			else if (event.key === "0") view.zoom(0);
		});
		canvas.addEventListener("pointermove", (event) => {
			if (event.buttons === 1 && view.geometry.zoom > 1) this.#move(-event.movementX, -event.movementY);
		});
		canvas.addEventListener("dblclick", (event) => {
			const { x, y } = view.point(event);
			view.zoom(ZOOM ** 2, x, y);
		});
	}

	/** @param {number} dx @param {number} dy */
	#move(dx, dy) {
		this.view.geometry.moveBy(dx, dy);
		this.view.draw();
	}
}
