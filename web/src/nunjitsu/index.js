import "./shims.js";
export * from "nunjitsu";
