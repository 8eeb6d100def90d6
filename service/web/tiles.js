/** The tiles that are kept: as many as are bounded, the longest unused ones go first. */

import { picture } from "./colors.js";
import { Matrix } from "./matrix.js";
import { nameOf, spanOf, TILE } from "./pyramid.js";

export class Tile {
	/**
	 * @param {TilePlace} place
	 * @param {number} cells rows and columns of the document's matrix, which the last tiles of a row go beyond
	 */
	constructor(place, cells) {
		const bins = (/** @type {number} */ index) => Math.min(TILE, Math.ceil(cells / 2 ** place.level) - index * TILE);
		const [rows, columns] = [bins(place.row), bins(place.column)];
		this.place = place;
		this.span = spanOf(place);
		/** The greatest number of each bin; none where all of it is masked, or not known yet. */
		this.matrix = new Matrix(rows, columns, new Float32Array(rows * columns).fill(Number.NaN));
		/** How many rows of bins are known, from the top. */
		this.known = 0;
		/** @type {OffscreenCanvas | null} */
		this.pixels = null;
		this.drawnWith = "";
	}

	/**
	 * Take over what an answer says of bins of this tile; of smaller ones the greatest counts.
	 * @param {Matrix} part
	 * @param {{row: number, column: number, height: number, width: number}} at the part begins at this row of the tile,
	 * the tile at this column of the part's bins, and so many rows and columns of the part make a bin
	 */
	fill(part, { row, column, height, width }) {
		const { rows, columns, numbers } = this.matrix;
		const end = Math.min(part.columns, (column + columns) * width);
		for (let from = 0; from < part.rows; from++) {
			const start = (row + Math.floor(from / height)) * columns - column;
			for (let index = column * width; index < end; index++) {
				const bin = start + Math.floor(index / width);
				const number = part.numbers[from * part.columns + index];
				if (number > -Infinity && !(number <= numbers[bin])) numbers[bin] = number;
			}
		}
		this.known = Math.min(rows, row + Math.ceil(part.rows / height));
		this.drawnWith = "";
	}

	/** @param {Scale} scale @param {string} colormap @param {Uint32Array} colors @returns {OffscreenCanvas} a pixel a bin */
	drawn(scale, colormap, colors) {
		const { rows, columns } = this.matrix;
		const how = [colormap, scale.low, scale.high, scale.log].join();
		this.pixels ??= new OffscreenCanvas(columns, rows);
		if (how !== this.drawnWith) this.pixels.getContext("2d")?.putImageData(picture(this.matrix, scale, colors), 0, 0);
		this.drawnWith = how;
		return this.pixels;
	}
}

export class Tiles {
	/**
	 * @param {number} most
	 * @param {(tile: Tile) => boolean} [isSpared] stays however long it was not used
	 */
	constructor(most, isSpared = () => false) {
		this.most = most;
		this.isSpared = isSpared;
		/** The longest unused first. @type {Map<string, Tile>} */
		this.kept = new Map();
	}

	/** @param {TilePlace} place @returns {Tile | undefined} */
	get(place) {
		return this.kept.get(nameOf(place));
	}

	/** @param {TilePlace} place @returns {Tile | undefined} the same, which is used now */
	use(place) {
		const tile = this.get(place);
		if (tile) this.#last(tile);
		return tile;
	}

	/** @param {Tile} tile */
	put(tile) {
		this.#last(tile);
		for (const old of this.kept.values()) {
			if (this.kept.size <= this.most) return;
			if (!this.isSpared(old) && old !== tile) this.kept.delete(nameOf(old.place));
		}
	}

	/** @param {Tile} tile */
	drop(tile) {
		if (this.get(tile.place) === tile) this.kept.delete(nameOf(tile.place));
	}

	/** @param {Tile} tile */
	#last(tile) {
		const name = nameOf(tile.place);
		this.kept.delete(name);
		this.kept.set(name, tile);
	}
}
