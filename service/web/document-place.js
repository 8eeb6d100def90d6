/** What is seen of a document, in words that an address holds: its queries and its keys, as `0-256,1024-1280`. */

import { Geometry } from "./geometry.js";

/** @param {string} text @returns {Span | null} null is the whole */
export function readPlace(text) {
	const numbers = (/^(\d+)-(\d+),(\d+)-(\d+)$/.exec(text) ?? []).slice(1).map(Number);
	const [firstRow, lastRow, firstColumn, lastColumn] = numbers;
	const isPlace = numbers.length > 0 && firstRow < lastRow && firstColumn < lastColumn;
	return isPlace ? { firstRow, lastRow, firstColumn, lastColumn } : null;
}

/** @param {Geometry} geometry @returns {string} empty where all of it is seen */
export function writePlace(geometry) {
	const { firstRow, lastRow, firstColumn, lastColumn } = geometry.visible;
	return geometry.zoom === 1 ? "" : `${firstRow}-${lastRow},${firstColumn}-${lastColumn}`;
}

/**
 * A square window onto a matrix of `cells` rows and columns.
 * @param {number} cells
 * @param {number} side of the window
 * @param {Span | null} place that it shows
 * @returns {Geometry}
 */
export function windowOnto(cells, side, place) {
	const geometry = new Geometry(cells, cells, side, side, { square: true });
	if (!place) return geometry;
	const { firstRow, lastRow, firstColumn, lastColumn } = place;
	geometry.zoomBy(cells / Math.max(lastRow - firstRow, lastColumn - firstColumn), 0, 0);
	geometry.moveBy(firstColumn * geometry.cellWidth, firstRow * geometry.cellHeight);
	return geometry;
}

/** @param {Geometry} geometry @returns {Span} exactly what it shows, in cells and parts of them */
export function placeSeen({ left, top, width, height, cellWidth, cellHeight }) {
	return {
		firstRow: top / cellHeight,
		lastRow: (top + height) / cellHeight,
		firstColumn: left / cellWidth,
		lastColumn: (left + width) / cellWidth,
	};
}
