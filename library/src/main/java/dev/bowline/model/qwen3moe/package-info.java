/// Qwen3 mixture of experts: experts apart on disk, stacked in memory, dense layers in between.
@NullMarked
package dev.bowline.model.qwen3moe;

import org.jspecify.annotations.NullMarked;
