package dev.bowline.cli;

import jdk.jfr.FlightRecorder;
import jdk.jfr.RecordingState;

/// Recordings of Java Flight Recorder that were asked for with a file. The JVM writes them in a shutdown hook, and a
/// command ends without any.
final class FlightRecordings {

    private FlightRecordings() {}

    /// Ends each and writes its file.
    static void write() {
        if (FlightRecorder.isInitialized()) {
            FlightRecorder.getFlightRecorder().getRecordings().stream()
                    .filter(recording -> recording.getState() == RecordingState.RUNNING)
                    .filter(recording -> recording.getDestination() != null)
                    .forEach(recording -> recording.stop());
        }
    }
}
