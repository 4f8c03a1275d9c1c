package dev.bowline.data;

/// One tokenised example with the tokens that are trained on.
///
/// @param ids token ids, at least two
/// @param targets true for each token that is trained on; never true for the first token, because no token comes
///     before it
/// @param origin the place where it was read, `file:line`
public record Example(int[] ids, boolean[] targets, String origin) {

    public Example {
        if (ids.length < 2 || ids.length != targets.length) {
            throw new IllegalArgumentException(
                    "%s: %d ids and %d targets".formatted(origin, ids.length, targets.length));
        }
    }

    public int length() {
        return ids.length;
    }

    public int targetTokens() {
        int count = 0;
        for (int i = 1; i < targets.length; i++) {
            count += targets[i] ? 1 : 0;
        }
        return count;
    }
}
