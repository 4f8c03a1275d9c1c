package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is wrong with a chat template is said before a model learns from it.
class TemplateNotesTest {

    private static final Path RECIPE = Path.of("..", "examples", "demo.yaml");
    private static final String TURNS =
            "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n{{ m.content }}@end{% endfor %}"
                    + "{% if add_generation_prompt %}<|turn>assistant\n{% endif %}";

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aSoundTemplateHasNothingToSay() throws IOException {
        assertEquals(List.of(), notes(turns("<turn|>\n")));
    }

    @Test
    void anAnswerWithoutAnEndOfTurnTokenIsReported() throws IOException {
        List<String> notes = notes(turns("\n"));

        assertEquals(2, notes.size(), notes::toString);
        assertTrue(notes.getFirst().startsWith("warning: dataset: 32 of 32 answers end without"), notes::toString);
        assertTrue(notes.getFirst().contains("train.jsonl:1"), notes::toString);
        assertTrue(notes.getFirst().contains("'<turn|>'"), notes::toString);
    }

    @Test
    void anEndThatIsNoStopTokenIsReported() throws IOException {
        List<String> notes = notes(turns("<pad>"));

        assertTrue(notes.getFirst().contains("answers end with '<pad>', but generation stops at"), notes::toString);
    }

    @Test
    void aVariableThatTheTemplateNeverReadsIsReportedWithTheNearest() throws IOException {
        List<String> notes = notes(
                turns("<turn|>\n") + "{% if enable_thinking %}{% endif %}",
                "dataset.chat_template_kwargs.enable_thinkng=true");

        assertTrue(
                notes.getFirst().contains("never reads 'enable_thinkng' (nearest: 'enable_thinking')"),
                notes::toString);
    }

    @Test
    void aTemplateInTheRecipeIsTheOneThatIsUsed() throws IOException {
        String jinja = turns("<pad>").replace("\n", "\\n");

        List<String> notes = notes("", "dataset.chat_template=\"" + jinja + "\"");

        assertTrue(notes.getFirst().contains("answers end with '<pad>', but generation stops at"), notes::toString);
    }

    @Test
    void aResumedRunIsToldTheDayItBegan() throws IOException {
        String dated = turns("<turn|>\n").replace("{{ bos_token }}", "{{ bos_token }}{{ strftime_now('%Y-%m-%d') }}");
        String checkpoints = "checkpoint.checkpoint_dir=" + directory.resolve("run");
        run(recipe(dated, checkpoints, "step_scheduler.max_steps=1"));
        Path state = directory.resolve("run").resolve("step_1").resolve("training_state.json");
        // A checkpoint of another day, whose rows would be others.
        JsonObject saved = Json.parse(state).asObject();
        JsonObject earlier = saved.requireObject("state")
                .with("chat_template_date", "2001-02-03")
                .without("rows_sha256");
        Files.writeString(state, Json.pretty(saved.with("state", earlier)));

        run(recipe(dated, checkpoints, "step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST"));

        Path second = directory.resolve("run").resolve("step_2").resolve("training_state.json");
        assertEquals(
                "2001-02-03",
                Json.parse(second).asObject().requireObject("state").requireString("chat_template_date"));
    }

    /// A template whose answers end with `end`.
    private static String turns(String end) {
        return TURNS.replace("@end", end);
    }

    private static void run(Recipe recipe) {
        try (FineTuningRun run = FineTuningRun.open(recipe)) {
            run.run(RunListener.silent());
        }
    }

    private List<String> notes(String template, String... sets) throws IOException {
        return RecipePreview.of(RecipeFile.of(recipe(template, sets))).notes();
    }

    private Recipe recipe(String template, String... sets) throws IOException {
        Path file = Files.writeString(directory.resolve("chat.jinja"), template);
        List<String> all = new ArrayList<>(List.of(
                "dataset.chat_template=" + file,
                "dataset.seq_length=256",
                "dataset.limit_dataset_samples=40",
                "validation_dataset.limit_dataset_samples=4",
                "step_scheduler.global_batch_size=2",
                "step_scheduler.local_batch_size=2",
                "lr_scheduler.lr_warmup_steps=0"));
        all.addAll(List.of(sets));
        return RecipeFile.load(RECIPE, all).recipe();
    }
}
