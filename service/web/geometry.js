/** Where the cells of a matrix lie on a canvas: a window onto it that can be zoomed and moved. Units are CSS pixels. */

export class Geometry {
	/**
	 * @param {number} rows
	 * @param {number} columns
	 * @param {number} width of the window
	 * @param {number} height
	 * @param {{square?: boolean}} [how] `square`: cells are as high as wide
	 */
	constructor(rows, columns, width, height, { square = false } = {}) {
		this.rows = rows;
		this.columns = columns;
		this.width = width;
		this.height = height;
		this.square = square;
		this.zoom = 1;
		this.left = 0;
		this.top = 0;
	}

	/** Width of a cell. */
	get cellWidth() {
		return this.zoom * (this.square ? this.#side : this.width / this.columns);
	}

	/** Height of a cell. */
	get cellHeight() {
		return this.zoom * (this.square ? this.#side : this.height / this.rows);
	}

	get #side() {
		return Math.min(this.width / this.columns, this.height / this.rows);
	}

	/** The greatest zoom: a cell of 64 pixels, or the whole if it has larger ones. */
	get most() {
		return Math.max(1, 64 / (Math.min(this.cellWidth, this.cellHeight) / this.zoom));
	}

	/** @param {number} column @returns {number} where it begins */
	x(column) {
		return column * this.cellWidth - this.left;
	}

	/** @param {number} row @returns {number} where it begins */
	y(row) {
		return row * this.cellHeight - this.top;
	}

	/** @param {number} column @returns {number} the middle of what is seen of it */
	middleX(column) {
		return (Math.max(0, this.x(column)) + Math.min(this.width, this.x(column + 1))) / 2;
	}

	/** @param {number} row @returns {number} the middle of what is seen of it */
	middleY(row) {
		return (Math.max(0, this.y(row)) + Math.min(this.height, this.y(row + 1))) / 2;
	}

	/**
	 * The cell at a point, or null beside the matrix.
	 * @param {number} x
	 * @param {number} y
	 * @returns {{row: number, column: number} | null}
	 */
	cellAt(x, y) {
		const column = Math.floor((x + this.left) / this.cellWidth);
		const row = Math.floor((y + this.top) / this.cellHeight);
		const inside = x >= 0 && y >= 0 && x < this.width && y < this.height;
		return inside && row >= 0 && column >= 0 && row < this.rows && column < this.columns ? { row, column } : null;
	}

	/** The rows and columns that are to be seen, ends excluded. */
	get visible() {
		return {
			firstRow: Math.max(0, Math.floor(this.top / this.cellHeight)),
			lastRow: Math.min(this.rows, Math.ceil((this.top + this.height) / this.cellHeight)),
			firstColumn: Math.max(0, Math.floor(this.left / this.cellWidth)),
			lastColumn: Math.min(this.columns, Math.ceil((this.left + this.width) / this.cellWidth)),
		};
	}

	/**
	 * Zoom about a point, which stays where it is.
	 * @param {number} factor
	 * @param {number} x
	 * @param {number} y
	 */
	zoomBy(factor, x = this.width / 2, y = this.height / 2) {
		const before = this.zoom;
		this.zoom = Math.min(Math.max(before * factor, 1), this.most);
		const grown = this.zoom / before;
		this.left = (this.left + x) * grown - x;
		this.top = (this.top + y) * grown - y;
		this.#stay();
	}

	/** @param {number} dx @param {number} dy in pixels of what is seen */
	moveBy(dx, dy) {
		this.left += dx;
		this.top += dy;
		this.#stay();
	}

	/** Move as little as needed until a cell is seen. @param {{row: number, column: number}} cell */
	reveal({ row, column }) {
		this.left = Math.min(Math.max(this.left, (column + 1) * this.cellWidth - this.width), column * this.cellWidth);
		this.top = Math.min(Math.max(this.top, (row + 1) * this.cellHeight - this.height), row * this.cellHeight);
		this.#stay();
	}

	#stay() {
		this.left = Math.max(0, Math.min(this.left, this.columns * this.cellWidth - this.width));
		this.top = Math.max(0, Math.min(this.top, this.rows * this.cellHeight - this.height));
	}
}
