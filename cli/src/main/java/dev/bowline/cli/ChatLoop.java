package dev.bowline.cli;

import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TextGeneration;
import dev.bowline.text.ChatTemplate;
import dev.bowline.text.Conversation;
import java.util.Optional;

/// A conversation, turn by turn, with a person or with lines that were piped in.
final class ChatLoop {

    private static final String RESET = "/reset";
    private static final String EXIT = "/exit";

    /// The printing of answers.
    enum Form {
        TEXT,
        JSON_LINES
    }

    private final Console console;
    private final TextGeneration generation;
    private final ChatTemplate template;
    private final GenerationSettings settings;
    private final GenerationStats stats;

    ChatLoop(
            Console console,
            TextGeneration generation,
            ChatTemplate template,
            GenerationSettings settings,
            GenerationStats stats) {
        this.console = console;
        this.generation = generation;
        this.template = template;
        this.settings = settings;
        this.stats = stats;
    }

    /// Answers turns until the input ends.
    ///
    /// @param opening the messages before the first turn: nothing, or a system message
    void run(Conversation opening, Form form) {
        if (console.interactive()) {
            console.note("Type a message. %s starts a new conversation, %s or Ctrl-D exits.".formatted(RESET, EXIT));
        }
        Conversation conversation = opening;
        while (true) {
            Optional<String> line = ask();
            if (line.isEmpty() || line.get().equals(EXIT)) {
                return;
            }
            if (line.get().equals(RESET)) {
                conversation = opening;
            } else if (!line.get().isBlank()) {
                Conversation asked = conversation.plus(Conversation.message("user", line.get()));
                conversation = asked.plus(Conversation.message(Conversation.ASSISTANT, answer(asked, form)));
            }
        }
    }

    private Optional<String> ask() {
        if (console.interactive()) {
            console.err().print("> ");
            console.err().flush();
        }
        return console.readLine();
    }

    private String answer(Conversation conversation, Form form) {
        TextGeneration.Answer answer = generation.answer(template, conversation, settings, piece -> {
            if (form == Form.TEXT) {
                console.print(piece);
            }
        });
        console.print(
                switch (form) {
                    case TEXT -> "\n";
                    case JSON_LINES -> stats.json(answer) + "\n";
                });
        stats.note(answer);
        return answer.text();
    }
}
