package dev.bowline.tracking;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An event file has the bytes that TensorBoard's own writer writes for the same events.
///
/// `tools/tensorboard_events.py` made the golden file with tensorboard 2.21.0.
class TensorBoardFileTest {

    private static final Path GOLDEN = Path.of("src", "test", "resources", "fixtures", "tensorboard", "events.golden");
    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochSecond(1_700_000_000L, 250_000_000), ZoneOffset.UTC);

    @TempDir
    private Path directory = Path.of("");

    @Test
    void theBytesAreThoseOfTensorBoardsWriter() throws IOException {
        TensorBoardFile file = TensorBoardFile.begin(directory, "host", 1, CLOCK);

        file.scalars(1, values("loss", 2.5, "grad_norm", 0.0, "lr", 1e-5));
        file.scalars(300, values("loss", -0.0, "tps", 1234567.891));
        file.scalars(1L << 40, values("val_loss", Double.NaN, "größe", Double.POSITIVE_INFINITY));

        assertArrayEquals(Files.readAllBytes(GOLDEN), Files.readAllBytes(file.path()));
    }

    @Test
    void aLaterFileOfADirectoryIsReadLaterEvenIfTheClockStoodStill() throws IOException {
        List<String> names = new ArrayList<>();
        for (String host : List.of("b", "a", "a/../c d")) {
            names.add(TensorBoardFile.begin(directory.resolve("tensorboard"), host, 5, CLOCK)
                    .path()
                    .getFileName()
                    .toString());
        }

        assertEquals(names.stream().sorted().toList(), names);
        assertTrue(names.getFirst().matches("events\\.out\\.tfevents\\.1700000000\\.b\\.[0-9]+\\.0"), names::toString);
        assertTrue(names.getLast().contains(".a-..-c-d."), names::toString);
    }

    private static SequencedMap<String, Double> values(Object... pairs) {
        SequencedMap<String, Double> values = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put((String) pairs[i], (Double) pairs[i + 1]);
        }
        return values;
    }
}
