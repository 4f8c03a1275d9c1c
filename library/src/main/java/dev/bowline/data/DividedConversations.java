package dev.bowline.data;

import java.util.Optional;

/// The conversations that became several examples, because the chat template writes earlier turns differently
/// once more turns follow.
///
/// @param conversations the number of conversations
/// @param examples the number of examples made from these conversations
/// @param first the place where the first of them was read, `file:line`
public record DividedConversations(int conversations, int examples, Optional<String> first) {

    static final DividedConversations NONE = new DividedConversations(0, 0, Optional.empty());

    /// The same with one more conversation that became `made` examples.
    DividedConversations plus(int made, String origin) {
        return made < 2
                ? this
                : new DividedConversations(conversations + 1, examples + made, first.or(() -> Optional.of(origin)));
    }
}
