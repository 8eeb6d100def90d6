/** The keyboard on a document: its cursor goes from bin to bin as they are seen, and what it is on can be zoomed. */

const ZOOM = 1.5;
/** @type {Record<string, number>} */
const FACTORS = { "+": ZOOM, "=": ZOOM, "-": 1 / ZOOM, 0: 0 };
/** Rows and columns, in bins. @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
/** Rows, in windows. @type {Record<string, number>} */
const PAGES = { PageUp: -1, PageDown: 1 };

/** @param {import("./document-view.js").DocumentView} view */
export function listenToKeys(view) {
	const { canvas } = view;
	const cursor = () => {
		const { firstRow, firstColumn } = view.geometry.visible;
		return view.cursor ?? { row: firstRow, column: firstColumn };
	};
	canvas.addEventListener("focus", () => {
		if (canvas.matches(":focus-visible")) view.pointTo(cursor());
	});
	canvas.addEventListener("blur", () => view.pointTo(null));
	canvas.addEventListener("keydown", (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey) return;
		const { geometry } = view;
		const factor = FACTORS[event.key];
		const to = keyTarget(event.key, cursor(), view.level, geometry);
		if (factor === undefined && !to) return;
		event.preventDefault();
		if (to) view.pointTo(to, true);
		else if (view.cursor) {
			view.zoom(factor, geometry.middleX(view.cursor.column), geometry.middleY(view.cursor.row));
			view.pointTo(view.cursor, true); // all of it is seen
		} else view.zoom(factor);
	});
}

/**
 * @param {string} key
 * @param {Cell} cursor
 * @param {number} level
 * @param {Geometry} geometry
 * @returns {Cell | null} the middle of a bin, so that it stays within it when one zooms in
 */
function keyTarget(key, { row, column }, level, geometry) {
	const size = 2 ** level;
	const middle = (/** @type {number} */ cell, /** @type {number} */ cells) => {
		const inside = Math.min(Math.max(cell, 0), cells - 1);
		return Math.min(inside - (inside % size) + Math.floor(size / 2), cells - 1);
	};
	const to = (/** @type {number} */ down, /** @type {number} */ right) => ({
		row: middle(down, geometry.rows),
		column: middle(right, geometry.columns),
	});
	const step = STEPS[key];
	if (step) return to(row + step[0] * size, column + step[1] * size);
	if (key in PAGES) return to(row + PAGES[key] * Math.floor(geometry.height / geometry.cellHeight), column);
	if (key === "Home") return to(row, 0);
	if (key === "End") return to(row, geometry.columns - 1);
	return null;
}
