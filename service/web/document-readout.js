/** A document read out: two tokens and their number where a bin is one cell, before that ranges and their greatest. */

import { DOCUMENT } from "./document-strings.js";
import { element } from "./dom.js";
import { counted, precise } from "./numbers.js";
import { TEXT } from "./strings.js";

/**
 * The finest bin around a cell that is known, from a level on.
 * @param {import("./tiles.js").Tiles} tiles
 * @param {number} level
 * @param {Cell} cell
 * @param {number} cells of the document
 * @returns {Bin | null}
 */
export function binAround(tiles, level, { row, column }, cells) {
	for (const { place, span, matrix, known } of finestFirst(tiles, level)) {
		const size = 2 ** place.level;
		const at = {
			row: Math.floor((row - span.firstRow) / size),
			column: Math.floor((column - span.firstColumn) / size),
		};
		if (at.row < 0 || at.column < 0 || at.row >= known || at.column >= matrix.columns) continue;
		return { ...binSpan(level, { row, column }, cells, size), number: matrix.at(at.row, at.column) };
	}
	return null;
}

/**
 * The cells of the bin that a cell belongs to.
 * @param {number} level
 * @param {Cell} cell
 * @param {number} cells
 * @param {number} [size] of the bin
 * @returns {Span}
 */
export function binSpan(level, { row, column }, cells, size = 2 ** level) {
	const [firstRow, firstColumn] = [row - (row % size), column - (column % size)];
	return {
		firstRow,
		lastRow: Math.min(firstRow + size, cells),
		firstColumn,
		lastColumn: Math.min(firstColumn + size, cells),
	};
}

/** @param {import("./tiles.js").Tiles} tiles @param {number} level */
function finestFirst(tiles, level) {
	const usable = [...tiles.kept.values()].filter(({ place }) => place.level >= level);
	return usable.sort((a, b) => a.place.level - b.place.level);
}

/**
 * @param {HTMLElement} root
 * @param {Bin | null} bin
 * @param {Span | null} cursor
 * @param {readonly string[]} tokens
 */
export function readOut(root, bin, cursor, tokens) {
	const parts = cursor ? partsOf(bin ?? cursor, bin ? bin.number : null, tokens) : [];
	const said = JSON.stringify(parts);
	if (root.dataset.said === said) return; // else it would be spoken again
	root.dataset.said = said;
	if (parts.length)
		root.replaceChildren(
			...parts.map(([name, ...texts]) =>
				element(
					"span",
					{ class: "part", "data-part": name },
					name,
					...texts.flatMap((text) => [" ", element("bdi", {}, text)]),
				),
			),
		);
	else root.replaceChildren(element("span", { class: "hint" }, DOCUMENT.hint));
}

/** @param {Span} span @param {number | null} number @param {readonly string[]} tokens @returns {string[][]} */
function partsOf({ firstRow, lastRow, firstColumn, lastColumn }, number, tokens) {
	const isCell = lastRow - firstRow === 1 && lastColumn - firstColumn === 1;
	const value = number === null ? DOCUMENT.notYet : precise(number);
	if (isCell)
		return [
			[TEXT.readout.query, counted(firstRow), tokens[firstRow] ?? ""],
			[TEXT.readout.key, counted(firstColumn), tokens[firstColumn] ?? ""],
			[TEXT.readout.value, value],
		];
	const range = (/** @type {number} */ from, /** @type {number} */ to) => `${counted(from)}–${counted(to - 1)}`;
	return [
		[DOCUMENT.queries, range(firstRow, lastRow)],
		[DOCUMENT.keys, range(firstColumn, lastColumn)],
		[DOCUMENT.maximum, value],
	];
}
