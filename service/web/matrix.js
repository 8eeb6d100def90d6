/** Matrices: row by row in one Float32Array. */

export class Matrix {
	/**
	 * @param {number} rows
	 * @param {number} columns
	 * @param {Float32Array} numbers row by row; -Infinity and NaN are masked cells
	 */
	constructor(rows, columns, numbers) {
		if (numbers.length !== rows * columns)
			throw new RangeError(`${numbers.length} numbers are not ${rows} × ${columns}`);
		this.rows = rows;
		this.columns = columns;
		this.numbers = numbers;
	}

	/** @param {number} row @param {number} column @returns {number} */
	at(row, column) {
		return this.numbers[row * this.columns + column] ?? Number.NaN;
	}

	/** @param {number} row @returns {Float32Array} */
	row(row) {
		return this.numbers.subarray(row * this.columns, (row + 1) * this.columns);
	}

	/** @param {number} column @returns {Float32Array} */
	column(column) {
		return Float32Array.from({ length: this.rows }, (_, row) => this.at(row, column));
	}

	/**
	 * The cells of some rows and columns, in this order.
	 * @param {readonly number[]} rows
	 * @param {readonly number[]} columns
	 * @returns {Matrix}
	 */
	select(rows, columns) {
		const numbers = new Float32Array(rows.length * columns.length);
		let next = 0;
		for (const row of rows) {
			const from = row * this.columns;
			for (const column of columns) numbers[next++] = this.numbers[from + column] ?? Number.NaN;
		}
		return new Matrix(rows.length, columns.length, numbers);
	}

	/**
	 * The least and the greatest number; 0 and 1 where every cell is masked.
	 * @returns {Extremes}
	 */
	extremes() {
		let low = Infinity;
		let high = -Infinity;
		let positive = Infinity;
		let masked = false;
		for (const number of this.numbers) {
			if (!(number > -Infinity)) {
				masked = true;
				continue;
			}
			if (number < low) low = number;
			if (number > high) high = number;
			if (number > 0 && number < positive) positive = number;
		}
		return low <= high ? { low, high, positive, masked } : { low: 0, high: 1, positive, masked };
	}

	/**
	 * The greatest number of each bin, where the matrix has more cells than there are bins.
	 * @param {number} rows
	 * @param {number} columns
	 * @returns {Matrix}
	 */
	pooled(rows, columns) {
		if (rows >= this.rows && columns >= this.columns) return this;
		const height = Math.min(rows, this.rows);
		const width = Math.min(columns, this.columns);
		const numbers = new Float32Array(height * width).fill(Number.NaN);
		const bins = Int32Array.from({ length: this.columns }, (_, column) => Math.floor((column * width) / this.columns));
		let next = 0;
		for (let row = 0; row < this.rows; row++) {
			const start = Math.floor((row * height) / this.rows) * width;
			for (let column = 0; column < this.columns; column++) {
				const number = this.numbers[next++];
				const bin = start + bins[column];
				// a bin is masked only if all of it is
				if (number > -Infinity && !(number <= numbers[bin])) numbers[bin] = number;
			}
		}
		return new Matrix(height, width, numbers);
	}
}
