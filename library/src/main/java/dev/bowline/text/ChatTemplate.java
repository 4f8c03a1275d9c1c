package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.text.jinja.Rendering;
import dev.bowline.text.jinja.Template;
import dev.bowline.text.jinja.Value;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/// The chat template of a checkpoint, which renders a conversation as text.
///
/// A checkpoint may have several templates; the one called `default` is used, and `tool_use` for a conversation
/// with tools, unless one is chosen by name. A template is parsed when it is first used.
///
/// Immutable; for any number of threads at once.
public final class ChatTemplate {

    /// The end of the text.
    public enum End {
        /// After the last message.
        LAST_MESSAGE,
        /// With the beginning of an answer: `add_generation_prompt`.
        GENERATION_PROMPT
    }

    /// Variables of the conversation, which options cannot set.
    private static final List<String> OF_THE_CONVERSATION = List.of("messages", "tools", "add_generation_prompt");

    private final TemplateFiles files;
    private final Optional<String> chosen;
    private final Map<String, String> specialTokens;
    private final JsonObject options;
    private final Clock clock;
    private final Map<String, Template> parsed;

    private ChatTemplate(
            TemplateFiles files,
            Optional<String> chosen,
            Map<String, String> specialTokens,
            JsonObject options,
            Clock clock,
            Map<String, Template> parsed) {
        this.files = files;
        this.chosen = chosen;
        this.specialTokens = specialTokens;
        this.options = options;
        this.clock = clock;
        this.parsed = parsed;
    }

    /// The templates of the tokenizer's directory.
    ///
    /// @throws BowlineException if it has none
    public static ChatTemplate of(Tokenizer tokenizer) {
        return of(tokenizer, TemplateFiles.in(tokenizer.directory()), Optional.empty());
    }

    /// The templates of the tokenizer's directory; empty if it has none, as of most base models.
    public static Optional<ChatTemplate> find(Tokenizer tokenizer) {
        return TemplateFiles.find(tokenizer.directory()).map(files -> of(tokenizer, files, Optional.empty()));
    }

    /// The template of this name in the tokenizer's directory, whether or not a conversation has tools.
    ///
    /// @throws BowlineException if there is none of that name
    public static ChatTemplate named(Tokenizer tokenizer, String name) {
        TemplateFiles files = TemplateFiles.in(tokenizer.directory());
        files.require(name);
        return of(tokenizer, files, Optional.of(name));
    }

    /// A template file in place of the checkpoint's.
    public static ChatTemplate of(Tokenizer tokenizer, Path file) {
        Map<String, TemplateFiles.Source> alone = Map.of(TemplateFiles.DEFAULT, TemplateFiles.Source.read(file));
        return of(tokenizer, new TemplateFiles(file, alone), Optional.of(TemplateFiles.DEFAULT));
    }

    /// Jinja text in place of the checkpoint's templates.
    ///
    /// @param where the name of the text in errors
    public static ChatTemplate inline(Tokenizer tokenizer, String where, String text) {
        Map<String, TemplateFiles.Source> alone = Map.of(TemplateFiles.DEFAULT, new TemplateFiles.Source(where, text));
        return of(tokenizer, new TemplateFiles(tokenizer.directory(), alone), Optional.of(TemplateFiles.DEFAULT));
    }

    private static ChatTemplate of(Tokenizer tokenizer, TemplateFiles files, Optional<String> chosen) {
        return new ChatTemplate(
                files,
                chosen,
                tokenizer.specialTokens(),
                JsonObject.of(),
                Clock.systemDefaultZone(),
                new ConcurrentHashMap<>());
    }

    /// The same with variables of the template's own, such as `enable_thinking`; transformers'
    /// `chat_template_kwargs`. One with the name of a special token replaces it.
    ///
    /// @throws BowlineException if one has a name that belongs to the conversation
    public ChatTemplate with(JsonObject chatTemplateKwargs) {
        for (String name : OF_THE_CONVERSATION) {
            if (chatTemplateKwargs.has(name)) {
                throw new BowlineException(
                        "'%s' is not an option of a chat template: the conversation decides it".formatted(name),
                        "remove it from the chat template kwargs");
            }
        }
        return new ChatTemplate(files, chosen, specialTokens, chatTemplateKwargs, clock, parsed);
    }

    /// The same with further variables, which replace those of the same name.
    ///
    /// @throws BowlineException if one has a name that belongs to the conversation
    public ChatTemplate and(JsonObject chatTemplateKwargs) {
        JsonObject merged = options;
        for (String name : chatTemplateKwargs.keys()) {
            merged = merged.with(name, chatTemplateKwargs.require(name));
        }
        return with(merged);
    }

    /// The same on a certain day: its `strftime_now` tells the midnight at which that day begins.
    public ChatTemplate on(LocalDate day) {
        Clock midnight = Clock.fixed(day.atStartOfDay(ZoneOffset.UTC).toInstant(), ZoneOffset.UTC);
        return new ChatTemplate(files, chosen, specialTokens, options, midnight, parsed);
    }

    /// Options that had no effect so far: no template that was used reads a variable of that name.
    public List<String> unreadOptions() {
        Set<String> read = variables();
        return options.keys().stream().filter(name -> !read.contains(name)).toList();
    }

    /// The variables and functions that the templates used so far read.
    public Set<String> variables() {
        Set<String> read = new TreeSet<>();
        parsed.values().forEach(template -> read.addAll(template.variables()));
        return read;
    }

    public Rendering render(Conversation conversation, End end) {
        Map<String, Value> variables = new LinkedHashMap<>();
        specialTokens.forEach((name, text) -> variables.put(name, Value.of(text)));
        variables.put("documents", Value.NONE);
        variables.putAll(JsonValues.variables(options));
        variables.put(
                "messages",
                Value.list(conversation.messages().stream().map(JsonValues::of).toList()));
        variables.put(
                "tools",
                conversation
                        .tools()
                        .map(tools -> JsonValues.of((JsonValue) tools))
                        .orElse(Value.NONE));
        variables.put("add_generation_prompt", Value.of(end == End.GENERATION_PROMPT));
        return template(conversation).render(variables, clock);
    }

    private Template template(Conversation conversation) {
        String name = chosen.orElseGet(() -> files.usual(conversation));
        return parsed.computeIfAbsent(name, _ -> {
            TemplateFiles.Source source = files.source(name);
            try {
                return Template.parse(source.where(), source.text());
            } catch (BowlineException e) {
                throw new TemplateSyntaxException(e);
            }
        });
    }

    /// The text alone.
    public String text(Conversation conversation, End end) {
        return render(conversation, end).text();
    }
}
