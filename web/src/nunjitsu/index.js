import "./globals.js";

export * from "nunjitsu";
