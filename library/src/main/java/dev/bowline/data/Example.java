package dev.bowline.data;

/// One tokenised example and which of its tokens are trained on.
///
/// @param ids token ids, at least two
/// @param targets whether token i is to be predicted; the first token never is, nothing comes before it
/// @param origin where it was read, `file:line`
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
