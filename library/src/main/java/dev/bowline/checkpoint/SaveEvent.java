package dev.bowline.checkpoint;

import java.nio.file.Path;
import java.util.function.Supplier;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// One save of a model, written, read back and renamed into place, as Java Flight Recorder sees it.
@Name("dev.bowline.Save")
@Label("Save")
@Category("Bowline")
@Description("A model was saved, and the written files were read back")
@StackTrace(false)
final class SaveEvent extends Event {

    @Label("Directory")
    String directory = "";

    @Label("Tensors")
    @Description("Tensors in the files")
    long tensors;

    @Label("Bytes")
    @DataAmount
    long bytes;

    @Label("Head")
    @Description("TIED: only the embedding was written; SEPARATE: both were")
    String head = "";

    /// Runs a save as an event. A save that fails is none.
    static SaveReport around(Path directory, Supplier<SaveReport> save) {
        SaveEvent event = new SaveEvent();
        event.begin();
        SaveReport report = save.get();
        event.end();
        if (event.shouldCommit()) {
            event.directory = directory.toString();
            event.tensors = report.written().size();
            event.bytes = report.bytes();
            event.head = report.head().name();
            event.commit();
        }
        return report;
    }
}
