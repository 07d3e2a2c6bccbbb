"""What is often believed of such a model, what is so instead, and the place of the product that shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Belief:
    """believed: as somebody might say it. so: what is the case. place: a stage's key, or "Lab/experiment". shown: words that stand
    there, in the prose, under the picture or in the answer to its question."""

    believed: str
    so: str
    place: str
    shown: str


BELIEFS = (
    Belief(
        "One word is one token.",
        "Frequent words are; others are pieces, and a piece can hold its space.",
        "text",
        "rare ones as several",
    ),
    Belief(
        "The space stands between the tokens.", "It belongs to the token after it.", "text", "each with the space before it"
    ),
    Belief(
        "A word the tokenizer has never seen becomes a token for the unknown.",
        "It is cut smaller, at last into bytes.",
        "text",
        "smaller parts",
    ),
    Belief(
        "Neighbouring ids are alike.", "An id is the number of a row, a name.", "token-ids", "An id is a name, not an amount"
    ),
    Belief(
        "Vectors come ready-made, with meanings in them.",
        "They start as random numbers and are trained with all else.",
        "Embeddings/training",
        "No list of meanings is loaded",
    ),
    Belief(
        "Looking up an embedding is no layer of a network.",
        "It gives what a one-hot row times the table would.",
        "token-embedding",
        "multiplying a one-hot row by the table",
    ),
    Belief(
        "Each number of a vector means something.",
        "One alone means little; directions do.",
        "token-embedding",
        "One number alone means little",
    ),
    Belief(
        "The two tables say the same.",
        "One says what a token is, the other where it stands.",
        "positional-embedding",
        "where, not what",
    ),
    Belief(
        "Position and token are put side by side.",
        "They are added, so the width stays.",
        "input-embedding",
        "added, number by number",
    ),
    Belief(
        "Position numbers are waves, and begin at 1.",
        "They are learned rows, counted from 0.",
        "positional-embedding",
        "row 0 belongs to the first position",
    ),
    Belief(
        "Without positions a GPT is blind to order.",
        "One layer is; from the second on the mask lets order leak in.",
        "Context/swap",
        "The mask lets order leak in",
    ),
    Belief(
        "Beyond the last position the model just gets worse.",
        "There is no row: it cannot run, so text is cropped.",
        "Context/limit",
        "the model cannot run",
    ),
    Belief("What survives dropout is multiplied by 1/p.", "By 1/(1 − p): 1.11 at p = 0.1.", "Dropout/drag", "1.11"),
    Belief(
        "At p = 0.5 exactly half the numbers fall.",
        "Each falls on its own; half is what to expect.",
        "Dropout/counts",
        "not the share that falls but the share to expect",
    ),
    Belief(
        "Dropout leaves the spread as it was.",
        "It keeps the mean; the spread grows.",
        "Dropout/spread",
        "Its spread is not kept",
    ),
    Belief(
        "Dropout works while a model answers, too.",
        "In use it is off: two passes agree to the last bit.",
        "Dropout/passes",
        "two passes agree to the last bit",
    ),
    Belief(
        "Dropout picks the lazy units.",
        "It picks by chance; how large a number is has no say.",
        "Dropout/drag",
        "Nothing is picked because it is weak or lazy",
    ),
    Belief(
        "My masks must be those of the book.",
        "A seed gives the same numbers in one program only.",
        "Dropout/passes",
        "may draw others",
    ),
    Belief(
        "A block has one dropout.",
        "It has three, and the model one more at the start.",
        "Dropout/places",
        "four kinds of place",
    ),
    Belief("LayerNorm averages over tokens, or over a batch.", "Over one token's features.", "norm1", "every token on its own"),
    Belief(
        "A variance is divided by n − 1.",
        "GPT-2's by n; over a row it hardly matters.",
        "Gradients/variance",
        "GPT-2 was trained with n",
    ),
    Belief(
        "After LayerNorm the variance is exactly 1.", "A hair less: ε is under the root.", "Gradients/epsilon", "a hair under 1"
    ),
    Belief(
        "Scale and shift undo the normalisation.",
        "Each row is first brought to one scale; they are the same for all.",
        "Gradients/scale-shift",
        "does not undo the normalisation",
    ),
    Belief(
        "LayerNorm stands behind each layer.",
        "In GPT-2 before it, on a copy; in 2017 behind.",
        "Gradients/wiring",
        "normalises a copy in front of each sublayer",
    ),
    Belief(
        "The last LayerNorm is one too many.",
        "Nothing else ever scales the stream back.",
        "final-norm",
        "nothing in it ever scales it back",
    ),
    Belief(
        "Query, key and value are copies of the token.",
        "They are three lists made by three slices of one table.",
        "queries-keys-values",
        "One learned table makes all three",
    ),
    Belief(
        "Score, weight and context vector are one thing.",
        "A score is raw, a weight a share, the vector what is read.",
        "context-vectors",
        "The weights say how much; the context vector is what was read",
    ),
    Belief(
        "Scores are divided by the root of the model's width.",
        "By that of the head's size.",
        "attention-scores",
        "divided by the square root of the head size",
    ),
    Belief(
        "Zeros hide the future as well as minus infinity.",
        "e to the 0 is 1: the future keeps a share.",
        "Attention/masks",
        "do not help",
    ),
    Belief(
        "A token reads the whole sentence.",
        "Itself and what stands before it.",
        "causal-mask",
        "keeps the token itself and the ones before it",
    ),
    Belief(
        "A row of weights that does not sum to 1 is a bug.",
        "After dropout it need not.",
        "Dropout/sums",
        "the sum of a row is different under every mask",
    ),
    Belief(
        "Each head gets its part of the features.",
        "Each reads all of them; the result is split.",
        "Attention/heads",
        "every head reads all the features",
    ),
    Belief(
        "More heads are more parameters.",
        "They cut the same table into narrower slices.",
        "Attention/heads",
        "for every number of heads",
    ),
    Belief(
        "Twelve heads, so twelve blocks.", "A coincidence: GPT-2 medium has 16 and 24.", "Size/heads", "which is a coincidence"
    ),
    Belief("d_out is the size of one head.", "Mostly that of all heads together.", "Attention/heads", "d_out"),
    Belief(
        "Heads side by side are already mixed.",
        "The output projection mixes them.",
        "output-projection",
        "side by side, but still apart",
    ),
    Belief(
        "An attention map says why.",
        "It says where numbers flow; switch a head off to see what it did.",
        "attention-weights",
        "where numbers flow, not why",
    ),
    Belief(
        "A shortcut hands a layer's output to another layer.",
        "A sublayer's input is added to its own output.",
        "attention-shortcut",
        "sublayer's input that is added to its own output",
    ),
    Belief(
        "Shortcuts make gradients bigger.",
        "They keep more of the last layer's for the first.",
        "Gradients/toy",
        "Read the ratio, not the height",
    ),
    Belief(
        "The feed-forward layer mixes words.", "Every token works alone there.", "expand", "nothing flows between rows here"
    ),
    Belief(
        "Four times is a law.",
        "A choice that works, and the largest part of a block.",
        "Gradients/four-times",
        "a choice that works, not a law",
    ),
    Belief(
        "GELU is ReLU with another name.",
        "It is smooth, and lets small negative numbers through.",
        "Gradients/gelu",
        "lets small negative numbers through",
    ),
    Belief(
        "Only one prediction comes out.",
        "One after every token; to write on, the last is used.",
        "Context/positions",
        "One pass makes a prediction after every token",
    ),
    Belief(
        "Logits are probabilities.",
        "Raw numbers of any sign; softmax makes shares of them.",
        "output-head",
        "any size and sign",
    ),
    Belief("Argmax needs softmax.", "The order is the same before and after.", "softmax", "The order stays as it was"),
    Belief(
        "A model always writes its favourite.",
        "Mostly it draws, by the probabilities.",
        "Sampling/draws",
        "so an unlikely token comes up once in a while",
    ),
    Belief(
        "Temperature changes which token leads.",
        "It never changes the order.",
        "Sampling/temperature",
        "every token keeps its rank",
    ),
    Belief("Gibberish means a bug.", "Untrained, all tokens are nearly as likely.", "Replay/next", "an accident"),
    Belief(
        "124 million, or 163, or 117: somebody is wrong.",
        "The head is counted once or twice; 117 was a slip.",
        "Size/totals",
        "117",
    ),
    Belief(
        "Sentences in a batch read each other.",
        "Never: nothing mixes along that axis.",
        "Context/batch",
        "No step mixes along that axis",
    ),
)
