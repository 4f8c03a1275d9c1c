package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.files.RunLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A save copies what belongs to the model: every file of it, through the links of a hub cache, and nothing around it.
class CompanionFilesTest {

    @TempDir
    private Path temporary = Path.of("");

    private Path model = Path.of("");

    @BeforeEach
    void aModel() throws IOException {
        model = Files.createDirectory(temporary.resolve("model"));
        Files.writeString(model.resolve("tokenizer.json"), "{}");
        Files.writeString(
                Files.createDirectories(model.resolve("templates/chat")).resolve("a.jinja"), "a");
    }

    private List<String> found() {
        return CompanionFiles.of(model).paths().stream().map(Path::toString).toList();
    }

    @Test
    void linksToDirectoriesAroundTheModelAreNotFollowed() throws IOException {
        Files.createSymbolicLink(model.resolve("self"), Path.of("."));
        Files.createSymbolicLink(model.resolve("parent"), Path.of(".."));
        Files.createSymbolicLink(model.resolve("templates/up"), model);
        Path other = Files.createDirectory(temporary.resolve("other"));
        Files.writeString(other.resolve("foreign.txt"), "foreign");
        Files.createSymbolicLink(model.resolve("other"), other);

        CompanionFiles companions = CompanionFiles.of(model);

        assertEquals(List.of("templates/chat/a.jinja", "tokenizer.json"), found());
        assertTrue(
                companions
                        .leftOut()
                        .contains("%s is a link to a directory outside of the model; checkpoints do not contain it"
                                .formatted(model.resolve("other"))),
                "" + companions.leftOut());
    }

    @Test
    void aLinkToADirectoryWithinTheModelIsFollowed() throws IOException {
        Files.createSymbolicLink(model.resolve("default"), model.resolve("templates/chat"));

        assertEquals(List.of("default/a.jinja", "templates/chat/a.jinja", "tokenizer.json"), found());
    }

    @Test
    void theDirectoryOfARunIsNoPartOfTheModel() throws IOException {
        Path run = Files.createDirectory(model.resolve("checkpoints"));
        Files.writeString(run.resolve(RunLock.FILE_NAME), "");
        Files.writeString(run.resolve("training.jsonl"), "{}");

        assertEquals(List.of("templates/chat/a.jinja", "tokenizer.json"), found());
    }

    @Test
    void aHubCacheIsFilesThroughLinks() throws IOException {
        Path blob = Files.writeString(
                Files.createDirectories(temporary.resolve("hub/blobs")).resolve("0123"), "{\"a\": 1}");
        Path snapshot = Files.createDirectories(temporary.resolve("hub/snapshots/main"));
        Files.createSymbolicLink(snapshot.resolve("tokenizer.json"), snapshot.relativize(blob));
        Files.createSymbolicLink(snapshot.resolve("gone.txt"), Path.of("../../blobs/4567"));
        Path copy = Files.createDirectory(temporary.resolve("copy"));

        CompanionFiles companions = CompanionFiles.of(snapshot);
        companions.copyTo(copy);

        assertEquals("{\"a\": 1}", Files.readString(copy.resolve("tokenizer.json")));
        assertTrue(Files.isRegularFile(copy.resolve("tokenizer.json"), java.nio.file.LinkOption.NOFOLLOW_LINKS));
        assertEquals(1, companions.leftOut().size(), "" + companions.leftOut());
    }

    @Test
    void whatIsRetainedIsWrittenAsItWasAndTheRestAsItIs() throws IOException {
        Path copy = Files.createDirectory(temporary.resolve("copy"));
        try (CompanionFiles companions = CompanionFiles.retaining(model)) {
            Files.delete(model.resolve("tokenizer.json"));

            List<String> notes = companions.copyTo(copy);

            assertEquals("{}", Files.readString(copy.resolve("tokenizer.json")));
            assertEquals(1, notes.size(), "" + notes);
        }
        Path later = Files.createDirectory(temporary.resolve("later"));
        CompanionFiles listed = CompanionFiles.of(model);
        Files.writeString(model.resolve("templates/chat/a.jinja"), "another");

        List<String> notes = listed.copyTo(later);

        assertEquals("another", Files.readString(later.resolve("templates/chat/a.jinja")));
        assertEquals(1, notes.size(), "" + notes);
    }
}
