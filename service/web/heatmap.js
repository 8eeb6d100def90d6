/** The heatmap of one head: zoomed, moved, sorted, read out cell by cell. */

import { arrange, namesOf, readPin, writePin } from "./arrange.js";
import { element } from "./dom.js";
import { legend } from "./legend.js";
import { MatrixView } from "./matrix-view.js";
import { precise } from "./numbers.js";
import { numbersButton } from "./numbers-dialog.js";
import { say, TEXT } from "./strings.js";
import { listStrongest } from "./strongest.js";

/** The largest side of a cell, and of the whole. */
const [CELL, MOST] = [56, 1000];
const ZOOM = 1.5;
/** What margins take of the window's width, and what is above the matrix of its height. */
const [BESIDE, ABOVE] = [40, 100];

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
			{
				type: "button",
				hidden: true,
				onclick: () => {
					change({ pin: "", sort: "none" });
					this.view.canvas.focus(); // this button is hidden now
				},
			},
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
		/** @type {Record<"row" | "column", Axis | null>} */
		this.axes = { row: null, column: null };
		/** @type {Arranged | null} */
		this.arranged = null;
		/** @type {Pin} */
		this.pin = null;
		this.#listen();
	}

	/** @param {Sight} sight */
	show({ answer, values, head }) {
		const name = values.tensor;
		const { rows: ofRows, columns: ofColumns } = answer.axes(name);
		const hide = values.hide_special === "true";
		const renormalize = hide && values.renormalize === "true" && name === "attentions";
		this.axes = { row: ofRows, column: ofColumns };
		this.pin = readPin(values.pin);
		this.arranged = arrange(answer.drawn(name, head), {
			hiddenRows: hide && ofRows ? ofRows.special : [],
			hiddenColumns: hide && ofColumns ? ofColumns.special : [],
			renormalize,
			sort: values.sort,
			pin: this.pin,
		});
		const { matrix, rows, columns } = this.arranged;
		this.view.show({
			matrix,
			rowNames: namesOf(ofRows, rows),
			columnNames: namesOf(ofColumns, columns),
			named: { rows: true, columns: ofColumns !== null },
			room: { width: Math.min(window.innerWidth - BESIDE, MOST), height: Math.min(window.innerHeight - ABOVE, MOST) },
			cell: { width: CELL, height: ofColumns ? CELL : CELL / 2 },
			square: ofColumns !== null,
			colormap: values.colormap,
			range: values.color_range,
			scale: values.color_scale,
			masked: name === "scores" ? "null" : "0",
		});
		this.#showPin();
		if (this.view.scale) legend(this.legend, this.view.scale, values.colormap);
		const special = Math.max(...[ofRows, ofColumns].map((axis) => axis?.special.filter(Boolean).length ?? 0));
		this.#note(values, special, hide, renormalize);
		this.#read(this.view.cursor);
	}

	#showPin() {
		const { pin, arranged, view } = this;
		const place = pin && arranged ? arranged[pin.kind === "row" ? "rows" : "columns"].indexOf(pin.index) : -1;
		this.unpin.hidden = pin === null;
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
		const wants = values.sort !== "none" && this.pin?.kind !== values.sort;
		if (wants) notes.push(values.sort === "row" ? TEXT.sortNeedsRow : TEXT.sortNeedsColumn);
		if (token !== null)
			notes.push(this.pin?.kind === "row" ? say(TEXT.pinnedRow, { token }) : say(TEXT.pinnedColumn, { token }));
		this.notes.textContent = notes.join(" ");
	}

	/** @returns {string | null} what is pinned: a token, or the number of a dimension */
	#pinnedToken() {
		if (!this.pin || this.unpin.hidden) return null;
		return this.axes[this.pin.kind]?.tokens[this.pin.index] ?? String(this.pin.index);
	}

	/** @param {Cell | null} cell */
	#read(cell) {
		const { content } = this.view;
		if (!cell || !content) {
			this.readout.replaceChildren(element("span", { class: "hint" }, TEXT.readout.none));
			return;
		}
		const { dimension, value } = TEXT.readout;
		const part = (/** @type {string} */ name, /** @type {string} */ text) =>
			element("span", { class: "part", "data-part": name }, `${name} `, element("bdi", {}, text));
		const { row, column } = this.axes;
		this.readout.replaceChildren(
			part(row ? TEXT.readout[row.kind] : dimension, content.rowNames[cell.row]),
			part(column ? TEXT.readout[column.kind] : dimension, content.columnNames[cell.column]),
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
