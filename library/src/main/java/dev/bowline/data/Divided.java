package dev.bowline.data;

import java.util.Optional;

/// The conversations that became several examples, because the chat template writes earlier turns differently
/// once more turns follow.
///
/// @param conversations how many they are
/// @param examples that they became
/// @param first where the first of them was read, `file:line`
public record Divided(int conversations, int examples, Optional<String> first) {

    static final Divided NONE = new Divided(0, 0, Optional.empty());

    /// The same with one more conversation that became `made` examples.
    Divided plus(int made, String origin) {
        return made < 2 ? this : new Divided(conversations + 1, examples + made, first.or(() -> Optional.of(origin)));
    }
}
