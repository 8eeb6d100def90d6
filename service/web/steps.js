/** The steps of the walk, and the matrices of each, in the order in which they are computed. */

export const STEPS = /** @type {const} */ ({
	embedding: ["embedding"],
	projections: ["query_weights", "key_weights", "value_weights", "query", "key", "value"],
	scores: ["scores"],
	attentions: ["attentions"],
	output: ["output"],
});
export const MATRICES = /** @type {MatrixName[]} */ (Object.values(STEPS).flat());

/** Those whose columns are keys; the others' are dimensions. */
export const OF_KEYS = new Set(["scores", "attentions"]);
