from __future__ import annotations

from django.urls import path

from marketing.replies import views

app_name = "replies"
urlpatterns = [
    path("", views.ReplyList.as_view(), name="list"),
    path("answer/", views.Answer.as_view(), name="answer"),
    path("<str:pk>/read/", views.MarkRead.as_view(), name="read"),
]
