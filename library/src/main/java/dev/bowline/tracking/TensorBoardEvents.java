package dev.bowline.tracking;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.SequencedMap;
import java.util.zip.CRC32C;

/// The records of a TensorBoard event file: TFRecord frames, each with one `tensorflow.Event` in the protocol buffers
/// format.
///
/// Field numbers are those of `event.proto` and `summary.proto` in tensorboard 2.21.0.
final class TensorBoardEvents {

    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int EVENT_SESSION_LOG = 7;
    private static final int SESSION_LOG_STATUS = 1;
    private static final int SESSION_LOG_START = 1;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private static final int MASK_DELTA = 0xa282ead8;

    private TensorBoardEvents() {}

    /// The first record of a file.
    static byte[] fileVersion(Instant time) {
        Message event = new Message();
        event.fixed64(EVENT_WALL_TIME, seconds(time));
        event.bytes(EVENT_FILE_VERSION, "brain.Event:2".getBytes(StandardCharsets.UTF_8));
        return frame(event);
    }

    /// The start of a process that writes `step` next: a reader discards that step and later ones of earlier files.
    static byte[] sessionStart(Instant time, long step) {
        Message session = new Message();
        session.varint(SESSION_LOG_STATUS, SESSION_LOG_START);
        Message event = event(time, step);
        event.bytes(EVENT_SESSION_LOG, session.toByteArray());
        return frame(event);
    }

    /// @param values by tag, in the order of the record
    static byte[] scalars(Instant time, long step, SequencedMap<String, Double> values) {
        Message summary = new Message();
        for (Map.Entry<String, Double> entry : values.entrySet()) {
            Message value = new Message();
            value.bytes(VALUE_TAG, entry.getKey().getBytes(StandardCharsets.UTF_8));
            value.fixed32(VALUE_SIMPLE, entry.getValue().floatValue());
            summary.bytes(SUMMARY_VALUE, value.toByteArray());
        }
        Message event = event(time, step);
        event.bytes(EVENT_SUMMARY, summary.toByteArray());
        return frame(event);
    }

    private static Message event(Instant time, long step) {
        Message event = new Message();
        event.fixed64(EVENT_WALL_TIME, seconds(time));
        if (step != 0) { // proto3 leaves out a number that is zero
            event.varint(EVENT_STEP, step);
        }
        return event;
    }

    private static double seconds(Instant time) {
        return time.getEpochSecond() + time.getNano() / 1e9;
    }

    private static byte[] frame(Message event) {
        byte[] data = event.toByteArray();
        ByteBuffer frame = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        frame.putLong(data.length);
        frame.putInt(masked(frame.array(), Long.BYTES));
        frame.put(data);
        frame.putInt(masked(data, data.length));
        return frame.array();
    }

    /// The CRC-32C of the first bytes, rotated and shifted as in TFRecord files.
    private static int masked(byte[] bytes, int length) {
        CRC32C sum = new CRC32C();
        sum.update(bytes, 0, length);
        return Integer.rotateRight((int) sum.getValue(), 15) + MASK_DELTA;
    }

    /// A protocol buffers message in the making.
    private static final class Message {

        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        void varint(int field, long value) {
            raw((long) field << 3 | VARINT);
            raw(value);
        }

        void fixed64(int field, double value) {
            raw((long) field << 3 | FIXED64);
            bytes.writeBytes(ByteBuffer.allocate(Double.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putDouble(value)
                    .array());
        }

        void fixed32(int field, float value) {
            raw((long) field << 3 | FIXED32);
            bytes.writeBytes(ByteBuffer.allocate(Float.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(value)
                    .array());
        }

        void bytes(int field, byte[] value) {
            raw((long) field << 3 | BYTES);
            raw(value.length);
            bytes.writeBytes(value);
        }

        byte[] toByteArray() {
            return bytes.toByteArray();
        }

        private void raw(long value) {
            long rest = value;
            while ((rest & ~0x7fL) != 0) {
                bytes.write((int) (rest & 0x7f | 0x80));
                rest >>>= 7;
            }
            bytes.write((int) rest);
        }
    }
}
